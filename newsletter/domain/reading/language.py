"""Which language a short text is in, decided by its script."""

from __future__ import annotations

import re

# Very common characters that are written in one way only in each of the two scripts.
_SIMPLIFIED = frozenset(
    "们这说时会来对发为国过学还动现开关长门问间闻马车东电网络业务产实际经济营销买卖价钱银资财贸亿万与个从众"
    "优传伤体余侠储儿党兰兴养军农冲决况净凉减凤刘则刚创别办劳势区医华协单卫历厅压县参双变启吗员听启响团园围"
    "图场坏块坚坛声处备复头夺奋奖妇孙宁宝审宪宫宽宾对寻导寿将尔层岁岛岭币师带帮广庆应庙库废开异张弹强归当"
    "录彻径怀态总恋恶悬惊惯愿战户扑执扩扫扬抚抢护报担拥拟择挂挡挤挥损换据掷摄摆摇撑数断旧显晋晓术机杀杂权"
    "条杨极构枪标栋栏树样桥检楼欢欧岁残毁毕气汇汉汤沟没泪泽洁测浅浆浏浑济涛润涨渐渔温湾满滚滨灭灯灵灾炉点"
    "炼烂热爱爷环独狭狮猎献玛珑电画畅疗疯监盖盘矿码砖确础离种积称稳穷窃竞笔笼筑签简粮纠红纤约级纪纯纲纳纵"
    "纷纸线练组细织终绍经结绕绘给绝统继绩绪续维综绿缓编缘缩罗罚罢聪联胜脉脏脑脚腾舰艺节芯苏荐荣药获营萧虑"
    "虽蓝补装裤见观规视览觉触计订认讨让训议讯记讲许论设访证评识诉词译试诗诚话询该详语误请诸读课谁调谈谋谓谢"
    "负贡财责贤败货质购贯贴贵贷贺赛赞赵赶趋跃践踪转轮软轻载较辅辆辉输边达迁运进远连迟适选递逻遗邓邮释里针"
    "钟钢钱铁铜链销锁错锋键镇长闪闭间闲阅队阳阴阶际陆陈险随难雾静项顺须顾顿预领频题额颜风飞饭饮馆驱驶验骗鱼鲜鸟鸡龙龟数热"
)
_TRADITIONAL = frozenset(
    "們這說時會來對發為國過學還動現開關長門問間聞馬車東電網絡業務產實際經濟營銷買賣價錢銀資財貿億萬與個從眾"
    "優傳傷體餘俠儲兒黨蘭興養軍農衝決況淨涼減鳳劉則剛創別辦勞勢區醫華協單衛歷廳壓縣參雙變啟嗎員聽響團園圍"
    "圖場壞塊堅壇聲處備復頭奪奮獎婦孫寧寶審憲宮寬賓尋導壽將爾層歲島嶺幣師帶幫廣慶應廟庫廢異張彈強歸當"
    "錄徹徑懷態總戀惡懸驚慣願戰戶撲執擴掃揚撫搶護報擔擁擬擇掛擋擠揮損換據擲攝擺搖撐數斷舊顯晉曉術機殺雜權"
    "條楊極構槍標棟欄樹樣橋檢樓歡歐殘毀畢氣匯漢湯溝沒淚澤潔測淺漿瀏渾濟濤潤漲漸漁溫灣滿滾濱滅燈靈災爐點"
    "煉爛熱愛爺環獨狹獅獵獻瑪瓏畫暢療瘋監蓋盤礦碼磚確礎離種積稱穩窮竊競筆籠築簽簡糧糾紅纖約級紀純綱納縱"
    "紛紙線練組細織終紹結繞繪給絕統繼績緒續維綜綠緩編緣縮羅罰罷聰聯勝脈臟腦腳騰艦藝節蘇薦榮藥獲蕭慮"
    "雖藍補裝褲見觀規視覽覺觸計訂認討讓訓議訊記講許論設訪證評識訴詞譯試詩誠話詢該詳語誤請諸讀課誰調談謀謂謝"
    "負貢責賢敗貨質購貫貼貴貸賀賽贊趙趕趨躍踐蹤轉輪軟輕載較輔輛輝輸邊達遷運進遠連遲適選遞邏遺鄧郵釋裡針"
    "鐘鋼鐵銅鏈鎖錯鋒鍵鎮閃閉閒閱隊陽陰階陸陳險隨難霧靜項順須顧頓預領頻題額顏風飛飯飲館驅駛驗騙魚鮮鳥雞龍龜"
    "慧灣佈臺"
)
_HAN = re.compile(r"[㐀-䶿一-鿿豈-﫿]")
_KANA = re.compile(r"[぀-ヿㇰ-ㇿ]")
_HANGUL = re.compile(r"[가-힯]")
_LATIN = re.compile(r"[A-Za-zÀ-ɏ]")

# A Han character carries about as much as a short word: a third of the letters is a Chinese text with Latin names.
_HAN_SHARE = 1 / 3


def language_of(text: str, default: str = "en") -> str:
    """The BCP 47 tag of a text by its script: "ja", "ko", "zh-Hans", "zh-Hant", or `default`."""
    kana, hangul, han = (len(script.findall(text)) for script in (_KANA, _HANGUL, _HAN))
    letters = len(_LATIN.findall(text))
    if hangul and hangul >= (letters + hangul + han) * _HAN_SHARE:
        return "ko"
    if kana and kana + han >= (letters + kana + han) * _HAN_SHARE:
        return "ja"
    if han and han >= (letters + han) * _HAN_SHARE:
        return _chinese_script(text)
    return default


def _chinese_script(text: str) -> str:
    both = _SIMPLIFIED & _TRADITIONAL
    simplified = sum(character in _SIMPLIFIED and character not in both for character in text)
    traditional = sum(character in _TRADITIONAL and character not in both for character in text)
    return "zh-Hant" if traditional > simplified else "zh-Hans"
