"""Wording of the public door in each language: its form, its pages, and its mails."""

from __future__ import annotations

from dataclasses import dataclass

from newsletter.rendering.wording import wording_for


@dataclass(frozen=True, kw_only=True, slots=True)
class OptInWording:
    """Every phrase that readers meet on their way in. Names in braces are filled in; `consent` is what is agreed to."""

    language: str
    name: str
    skip: str
    subscribe_to: str
    published_by: str
    daily: str
    address_label: str
    lists_legend: str
    consent: str
    privacy: str
    button: str
    recent: str
    all_issues: str
    fault_title: str
    no_address: str
    bad_address: str
    no_list: str
    too_many: str
    closed: str
    asked_title: str
    asked_lead: str
    asked_next: str
    asked_doubts: str
    asked_tips: tuple[str, ...]
    type_again: str
    confirm_title: str
    confirm_lead: str
    confirm_lists: str
    confirm_button: str
    confirm_note: str
    welcome_title: str
    welcome_lead: str
    welcome_tip: str
    read_archive: str
    used_title: str
    used_lead: str
    expired_title: str
    expired_lead: str
    forged_title: str
    forged_lead: str
    refused_title: str
    refused_lead: str
    subscribe_again: str
    first_page: str
    mail_subject: str
    mail_preheader: str
    mail_heading: str
    mail_intro: str
    mail_lists: str
    mail_validity: str
    mail_by_hand: str
    mail_not_you: str
    known_subject: str
    known_preheader: str
    known_heading: str
    known_intro: str
    known_help: str
    known_not_you: str
    mail_reason: str


_ENGLISH = OptInWording(
    language="en",
    name="English",
    skip="Skip to the content",
    subscribe_to="Subscribe to {newsletter}",
    published_by="Published by {publisher}.",
    daily="It comes every day at {time} ({zone}).",
    address_label="Email address",
    lists_legend="What would you like to get?",
    consent="With “Subscribe” I agree to get {newsletter} by email. I can leave at any time by a link in every issue.",
    privacy="We send you a mail first, and you confirm by its link. We keep your address, and when and from which "
    "internet address you agreed; nothing else is asked of you.",
    button="Subscribe",
    recent="Recent issues",
    all_issues="All issues",
    fault_title="Please check",
    no_address="Type your email address.",
    bad_address="This is not an email address: it needs the form name@example.org.",
    no_list="Choose at least one.",
    too_many="Too many addresses were typed in from your connection. Wait an hour, then try again.",
    closed="{newsletter} cannot be subscribed to here at the moment. Its issues can be read in the archive.",
    asked_title="Look into your inbox",
    asked_lead="A mail is on its way to {email}.",
    asked_next="Open the link in it and press the button there. Only then are you subscribed.",
    asked_doubts="Nothing there after a few minutes?",
    asked_tips=(
        "Look into the folders for spam and promotions.",
        "Check the address above for a slip.",
        "You may ask again after ten minutes, three times a day.",
    ),
    type_again="Type the address again",
    confirm_title="One last step",
    confirm_lead="Press the button, and {newsletter} comes to {email}.",
    confirm_lists="You chose: {lists}.",
    confirm_button="Yes, subscribe me",
    confirm_note="Nothing has been changed yet. If it was not you who asked, close this page.",
    welcome_title="You are subscribed to {newsletter}",
    welcome_lead="Welcome. The next issue comes to {email}.",
    welcome_tip="So that it does not land among spam, add {sender} to your address book.",
    read_archive="Read the archive",
    used_title="This link has done its work",
    used_lead="{email} was subscribed by it once and has left since. Subscribe again to come back.",
    expired_title="This link has expired",
    expired_lead="A link works for {days} days. Subscribe again, and you get a new one.",
    forged_title="This link is not complete",
    forged_lead="Mail programs sometimes cut long links. Copy the whole link out of the mail into your browser, or "
    "subscribe again.",
    refused_title="That did not work",
    refused_lead="This address cannot be subscribed here. Write to {sender}, and people will help.",
    subscribe_again="Subscribe again",
    first_page="To the first page",
    mail_subject="Please confirm: {newsletter}",
    mail_preheader="One button, and you are subscribed.",
    mail_heading="Confirm your subscription",
    mail_intro="Someone, hopefully you, asked for {newsletter} to be sent to {email}.",
    mail_lists="Chosen: {lists}.",
    mail_validity="The link works for {days} days. It leads to a page with one more button, so that no program "
    "subscribes you by itself.",
    mail_by_hand="If the button does nothing, copy this address into your browser:",
    mail_not_you="Was it not you? Then do nothing. No issue will come, and we forget the address after {kept} days.",
    known_subject="You are subscribed already: {newsletter}",
    known_preheader="There is nothing for you to do.",
    known_heading="You are subscribed already",
    known_intro="Someone, hopefully you, asked for {newsletter} to be sent to {email}. It is: there is nothing to do.",
    known_help="If no issue arrives, look into the folder for spam and add {sender} to your address book.",
    known_not_you="Was it not you? Then somebody mistyped their own address. Nothing has changed.",
    mail_reason="You get this one mail because {email} was typed into the form at {url}.",
)
_SIMPLIFIED = OptInWording(
    language="zh-Hans",
    name="简体中文",
    skip="跳到正文",
    subscribe_to="订阅《{newsletter}》",
    published_by="由 {publisher} 出版。",
    daily="每天 {time}（{zone}）发送。",
    address_label="邮箱地址",
    lists_legend="您想收到哪些内容？",
    consent="点击“订阅”，即表示我同意通过电子邮件接收《{newsletter}》。我可以随时通过每期邮件中的链接退订。",
    privacy="我们会先发一封邮件，请您通过其中的链接确认。我们只保存您的邮箱地址，以及您同意的时间和所用的网络地址，不询问其他信息。",
    button="订阅",
    recent="近期内容",
    all_issues="全部内容",
    fault_title="请检查",
    no_address="请填写您的邮箱地址。",
    bad_address="这不是有效的邮箱地址，格式应为 name@example.org。",
    no_list="请至少选择一项。",
    too_many="来自您网络的请求过多。请一小时后再试。",
    closed="《{newsletter}》目前无法在此订阅。已发送的内容可在存档中阅读。",
    asked_title="请查看您的收件箱",
    asked_lead="一封邮件正发往 {email}。",
    asked_next="请打开邮件中的链接，并点击页面上的按钮。完成后订阅才会生效。",
    asked_doubts="几分钟后仍未收到？",
    asked_tips=(
        "请查看垃圾邮件和推广邮件文件夹。",
        "请检查上面的地址是否有误。",
        "十分钟后可再次提交，每天最多三次。",
    ),
    type_again="重新填写地址",
    confirm_title="最后一步",
    confirm_lead="点击按钮后，《{newsletter}》将发往 {email}。",
    confirm_lists="您选择了：{lists}。",
    confirm_button="是的，我要订阅",
    confirm_note="目前尚未作任何更改。如果不是您本人申请，请关闭此页面。",
    welcome_title="您已订阅《{newsletter}》",
    welcome_lead="欢迎！下一期将发往 {email}。",
    welcome_tip="请将 {sender} 加入通讯录，以免邮件被归入垃圾邮件。",
    read_archive="阅读存档",
    used_title="此链接已使用过",
    used_lead="{email} 曾通过此链接订阅，之后已退订。如需恢复，请重新订阅，您会收到新的链接。",
    expired_title="此链接已过期",
    expired_lead="链接在 {days} 天内有效。请重新订阅，您会收到新的链接。",
    forged_title="此链接不完整",
    forged_lead="邮件程序有时会截断较长的链接。请将邮件中的完整链接复制到浏览器，或重新订阅。",
    refused_title="未能完成",
    refused_lead="此地址无法在此订阅。请写信至 {sender}，我们会协助您。",
    subscribe_again="重新订阅",
    first_page="返回首页",
    mail_subject="请确认订阅《{newsletter}》",
    mail_preheader="点击按钮即可完成订阅。",
    mail_heading="请确认您的订阅",
    mail_intro="有人（希望是您本人）申请将《{newsletter}》发往 {email}。",
    mail_lists="所选内容：{lists}。",
    mail_validity="链接在 {days} 天内有效。打开的页面上还有一个按钮，以免被程序自动订阅。",
    mail_by_hand="如果按钮没有反应，请将以下地址复制到浏览器：",
    mail_not_you="不是您本人？请不必理会。您不会收到任何内容，我们会在 {kept} 天后删除此地址。",
    known_subject="您已经订阅了《{newsletter}》",
    known_preheader="您无需进行任何操作。",
    known_heading="您已经订阅了",
    known_intro="有人（希望是您本人）申请将《{newsletter}》发往 {email}。该地址已在订阅中，无需进行任何操作。",
    known_help="如果没有收到邮件，请查看垃圾邮件文件夹，并将 {sender} 加入通讯录。",
    known_not_you="不是您本人？可能是他人填错了地址。您的订阅没有任何变化。",
    mail_reason="您收到这封邮件，是因为有人在以下表单中填写了 {email}：{url}",
)
_TRADITIONAL = OptInWording(
    language="zh-Hant",
    name="繁體中文",
    skip="跳到正文",
    subscribe_to="訂閱《{newsletter}》",
    published_by="由 {publisher} 出版。",
    daily="每天 {time}（{zone}）寄送。",
    address_label="電子郵件地址",
    lists_legend="您想收到哪些內容？",
    consent="按下「訂閱」，即表示我同意以電子郵件接收《{newsletter}》。我可以隨時透過每期郵件中的連結取消訂閱。",
    privacy="我們會先寄出一封郵件，請您透過其中的連結確認。我們只保存您的郵件地址，以及您同意的時間和所用的網路位址，不詢問其他資料。",
    button="訂閱",
    recent="近期內容",
    all_issues="全部內容",
    fault_title="請檢查",
    no_address="請填寫您的電子郵件地址。",
    bad_address="這不是有效的電子郵件地址，格式應為 name@example.org。",
    no_list="請至少選擇一項。",
    too_many="來自您網路的請求過多。請一小時後再試。",
    closed="《{newsletter}》目前無法在此訂閱。已寄出的內容可在存檔中閱讀。",
    asked_title="請查看您的收件匣",
    asked_lead="一封郵件正寄往 {email}。",
    asked_next="請開啟郵件中的連結，並按下頁面上的按鈕。完成後訂閱才會生效。",
    asked_doubts="幾分鐘後仍未收到？",
    asked_tips=(
        "請查看垃圾郵件和促銷郵件資料夾。",
        "請檢查上面的地址是否有誤。",
        "十分鐘後可再次提交，每天最多三次。",
    ),
    type_again="重新填寫地址",
    confirm_title="最後一步",
    confirm_lead="按下按鈕後，《{newsletter}》將寄往 {email}。",
    confirm_lists="您選擇了：{lists}。",
    confirm_button="是的，我要訂閱",
    confirm_note="目前尚未作任何變更。如果不是您本人申請，請關閉此頁面。",
    welcome_title="您已訂閱《{newsletter}》",
    welcome_lead="歡迎！下一期將寄往 {email}。",
    welcome_tip="請將 {sender} 加入通訊錄，以免郵件被歸入垃圾郵件。",
    read_archive="閱讀存檔",
    used_title="此連結已使用過",
    used_lead="{email} 曾透過此連結訂閱，之後已取消訂閱。如需恢復，請重新訂閱，您會收到新的連結。",
    expired_title="此連結已過期",
    expired_lead="連結在 {days} 天內有效。請重新訂閱，您會收到新的連結。",
    forged_title="此連結不完整",
    forged_lead="郵件程式有時會截斷較長的連結。請將郵件中的完整連結複製到瀏覽器，或重新訂閱。",
    refused_title="未能完成",
    refused_lead="此地址無法在此訂閱。請寫信至 {sender}，我們會協助您。",
    subscribe_again="重新訂閱",
    first_page="返回首頁",
    mail_subject="請確認訂閱《{newsletter}》",
    mail_preheader="按下按鈕即可完成訂閱。",
    mail_heading="請確認您的訂閱",
    mail_intro="有人（希望是您本人）申請將《{newsletter}》寄往 {email}。",
    mail_lists="所選內容：{lists}。",
    mail_validity="連結在 {days} 天內有效。開啟的頁面上還有一個按鈕，以免被程式自動訂閱。",
    mail_by_hand="如果按鈕沒有反應，請將以下地址複製到瀏覽器：",
    mail_not_you="不是您本人？請不必理會。您不會收到任何內容，我們會在 {kept} 天後刪除此地址。",
    known_subject="您已經訂閱了《{newsletter}》",
    known_preheader="您無需進行任何操作。",
    known_heading="您已經訂閱了",
    known_intro="有人（希望是您本人）申請將《{newsletter}》寄往 {email}。該地址已在訂閱中，無需進行任何操作。",
    known_help="如果沒有收到郵件，請查看垃圾郵件資料夾，並將 {sender} 加入通訊錄。",
    known_not_you="不是您本人？可能是他人填錯了地址。您的訂閱沒有任何變更。",
    mail_reason="您收到這封郵件，是因為有人在以下表單中填寫了 {email}：{url}",
)
OPT_IN_WORDINGS = (_ENGLISH, _SIMPLIFIED, _TRADITIONAL)
_BY_LOCALE = {wording.language.replace("-", "_"): wording for wording in OPT_IN_WORDINGS}


def opt_in_wording_for(language: str) -> OptInWording:
    """The words of the public door for a BCP 47 tag: the nearest there are, English where there are none."""
    return _BY_LOCALE[wording_for(language).locale]
