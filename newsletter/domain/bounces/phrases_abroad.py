"""The same families in other languages, in plain wording: Latin letters without accents, everything in lower case."""

from __future__ import annotations

GERMAN: dict[str, tuple[str, ...]] = {
    "mailbox_full": (
        r"(?:postfach|mailbox|briefkasten|konto|speicher\w*)(?: \S+){0,4} (?:ist )?(?:voll|ueberfullt|uberfullt|erschopft)",
        r"(?:kontingent|quota|speicherplatz)(?: \S+){0,4} (?:uberschritten|erschopft|ausgeschopft)",
        r"nicht genugend (?:speicher|platz)",
    ),
    "message_size": (r"(?:nachricht|mail|anhang)(?: \S+){0,4} zu gross", r"(?:maximal|zulassig)\w* (?:nachrichten)?gross\w*"),
    "mailbox_disabled": (
        r"(?:konto|postfach|benutzer|empfanger|account)(?: \S+){0,4} (?:deaktiviert|gesperrt|geschlossen|geloscht|inaktiv|stillgelegt)",
        r"nicht mehr (?:aktiv|gultig|in betrieb|erreichbar|verfugbar)",
    ),
    "mailbox_unknown": (
        r"(?:empfanger|benutzer|adresse|postfach|account|e-?mail-?adresse|konto|nutzer)\w*(?: \S+){0,6} (?:existiert nicht|nicht gefunden|unbekannt|ungultig|nicht vorhanden|nicht bekannt|gibt es nicht)",
        r"(?:unbekannt|ungultig|falsch)\w* (?:empfanger|benutzer|adresse|e-?mail|nutzer)",
        r"(?:empfanger|benutzer|adresse|postfach)\w*(?: \S+){0,5} (?:wurde|konnte|ist|wurden)(?: \S+){0,6} nicht (?:gefunden|bekannt|gultig)",
        r"kein(?:en)? (?:solche[rsn]? )?(?:benutzer|empfanger|postfach|konto|account)",
    ),
    "domain": (r"(?:domain|domane|server|host)(?: \S+){0,4} (?:existiert nicht|nicht gefunden|unbekannt|ungultig)",),
    "sender": (r"absender(?: \S+){0,5} (?:abgelehnt|gesperrt|unbekannt|ungultig|nicht)", r"nicht berechtigt"),
    "policy": (r"(?:richtlinie|regel)\w*(?: \S+){0,3} (?:abgelehnt|verletz|verboten)", r"aus sicherheitsgrunden"),
    "expired": (r"(?:zeituberschreitung|zeitlimit|abgelaufen|aufgegeben|nicht innerhalb)",),
    "network": (r"verbindung(?: \S+){0,4} (?:fehlgeschlagen|abgelehnt|unterbrochen|nicht)", r"nicht erreichbar"),
    "transient": (r"vorubergehend|spater (?:erneut|noch einmal|wieder)|zeitweise",),
}

FRENCH: dict[str, tuple[str, ...]] = {
    "mailbox_full": (
        r"(?:boite|messagerie|bal|compte)(?: \S+){0,6} (?:est )?(?:pleine?|saturee?|surcharg\w*)",
        r"(?:quota|espace)(?: \S+){0,4} (?:depasse|atteint|insuffisant|sature)\w*",
        r"depasse(?: \S+){0,3} quota",
    ),
    "message_size": (r"(?:message|taille|piece)(?: \S+){0,5} (?:trop (?:gros|volumineux|grand|long)|depasse)\w*",),
    "mailbox_disabled": (
        r"(?:compte|boite|adresse|messagerie)(?: \S+){0,5} (?:desactive|ferme|suspendu|bloque|inactif|inactive|supprime|resilie|cloture|expire)\w*",
        r"n'est plus (?:active?|valide|utilisee?|en service)",
    ),
    "mailbox_unknown": (
        r"(?:adresse|destinataire|utilisateur|compte|boite|usager)s?(?: \S+){0,7} (?:n'existe|inexistante?|inconnue?|invalide|introuvable|incorrecte?|erronee?|non trouvee?|pas valide|n'a pas ete trouve)\w*",
        r"(?:inconnue?|invalide)(?: \S+){0,2} (?:adresse|destinataire|utilisateur)",
        r"(?:pas|aucun)(?: \S+){0,3} (?:utilisateur|compte|destinataire|boite)(?: \S+){0,3} (?:ce nom|trouve)",
    ),
    "domain": (r"(?:domaine|serveur|hote)(?: \S+){0,5} (?:n'existe|inexistant|introuvable|inconnu|invalide)",),
    "reputation": (
        r"(?:ip|adresse ip|serveur)(?: \S+){0,4} (?:bloque|blackliste|liste noire|refuse)\w*",
        r"trop de spam|plaintes",
    ),
    "spam": (r"(?:pourriel|indesirable|mail rejete|message rejete)",),
    "sender": (r"(?:expediteur|emetteur)(?: \S+){0,5} (?:refuse|rejete|bloque|inconnu|invalide|interdit|non)", r"autorisations? (?:necessaire|requise)|pas autorise\w* a"),
    "throttle": (r"trop de (?:connexions|messages|mails|requetes|destinataires)",),
    "expired": (r"delai(?: \S+){0,4} (?:depasse|expire)",),
    "network": (r"connexion(?: \S+){0,4} (?:refusee|impossible|interrompue|echou)",),
    "transient": (r"temporaire|reessayer|ulterieurement|plus tard",),
}

SPANISH_PORTUGUESE: dict[str, tuple[str, ...]] = {
    "mailbox_full": (
        r"(?:buzon|casilla|cuenta|bandeja|caixa(?: postal| de correio| de entrada)?|conta|mailbox)(?: \S+){0,6} (?:esta )?(?:llen[oa]|cheia|lotad[oa]|satura\w*|sin espacio|sem espaco)",
        r"(?:cuota|quota|espacio|espaco)(?: \S+){0,4} (?:excedid|superad|agotad|esgotad|insuficiente|ultrapassad)\w*",
        r"(?:excedi\w*|superad\w*|ultrapass\w*|excede\w*)(?: \S+){0,4} (?:cuota|quota|limite de almacen|limite de armazen|espacio|espaco)",
    ),
    "message_size": (r"(?:mensaje|mensagem|correo|tamano|tamanho)(?: \S+){0,5} (?:demasiado|muito|excede|supera|maior que|grande)",),
    "mailbox_disabled": (
        r"(?:cuenta|buzon|usuario|conta|caixa|direccion|endereco)(?: \S+){0,5} (?:desactivad|deshabilitad|suspendid|cerrad|bloquead|cancelad|inactiv|desativad|desabilitad|encerrad|inativ|eliminad)\w*",
    ),
    "mailbox_unknown": (
        r"(?:usuario|destinatario|direccion|cuenta|buzon|endereco|conta|caixa)\w*(?: \S+){0,7} (?:no (?:existe|encontrad|valid|se encuentr|se ha encontrado|fue encontrad|es valid|conocid)|nao (?:existe|encontrad|foi encontrad|e valid|localizad)|inexistente|desconocid|desconhecid|invalid|inval\w+|incorrect)\w*",
        r"(?:no|nao) existe(?: \S+){0,4} (?:usuario|cuenta|buzon|direccion|destinatario|conta|endereco|caixa)",
        r"(?:no se (?:ha )?(?:encontr|pudo encontrar)|nao foi possivel (?:encontrar|localizar))\w*(?: \S+){0,4} (?:direccion|usuario|cuenta|destinatario|endereco|conta)",
        r"(?:usuario|destinatario) (?:desconocido|desconhecido|inexistente|invalido)",
    ),
    "domain": (r"(?:dominio|servidor)(?: \S+){0,5} (?:no (?:existe|encontrado|se encuentra)|nao (?:existe|encontrado)|inexistente|desconocido|desconhecido|invalido)",),
    "sender": (
        r"remitente(?: \S+){0,5} (?:rechazad|bloquead|invalid|desconocid|no )\w*|remetente(?: \S+){0,5} (?:rejeitad|bloquead|invalid|desconhecid|nao)\w*",
        r"(?:no tienes|sin|nao tem|sem)(?: \S+){0,3} (?:permiso|permissao|permissoes)",
    ),
    "spam": (r"correo no deseado|mensaje no deseado|lixo eletronico|rechazado por (?:spam|contenido)",),
    "policy": (r"(?:politica|directiva)s?(?: \S+){0,3} (?:de )?(?:seguridad|seguranca|rechaz|local)",),
    "reputation": (r"(?:lista negra|listas negras|ip (?:\S+ ){0,3}bloquead)",),
    "expired": (r"tiempo(?: \S+){0,4} (?:agotado|expirado|excedido)|tempo(?: \S+){0,4} (?:esgotado|expirado|excedido)",),
    "network": (r"conexi?[oa]\w*(?: \S+){0,4} (?:rechazad|recusad|perdid|fallid|falhou)\w*",),
    "transient": (r"temporalmente|temporariamente|mas tarde|mais tarde|intentelo de nuevo|tente novamente",),
}

ITALIAN: dict[str, tuple[str, ...]] = {
    "mailbox_full": (r"(?:casella|mailbox)(?: \S+){0,6} (?:e )?(?:piena|satura|esaurit\w+)", r"(?:spazio|quota)(?: \S+){0,4} (?:esaurit|superat|insufficient)\w*"),
    "message_size": (r"messaggio(?: \S+){0,5} (?:troppo grande|supera|eccede)",),
    "mailbox_disabled": (r"(?:casella|account|utente|indirizzo)(?: \S+){0,5} (?:disabilitat|disattivat|sospes|chius|bloccat|inattiv|scadut)\w*",),
    "mailbox_unknown": (
        r"(?:utente|destinatario|indirizzo|casella|account)(?: \S+){0,6} (?:non (?:esiste|trovat|valid|conosciut|e stat|riconosciut)|sconosciut|inesistente|errat)\w*",
        r"(?:non esiste|sconosciut\w*|inesistente)(?: \S+){0,3} (?:utente|destinatario|casella|indirizzo)",
    ),
    "domain": (r"dominio(?: \S+){0,4} (?:non (?:esiste|trovato|valido)|inesistente|sconosciuto)",),
    "sender": (r"mittente(?: \S+){0,5} (?:rifiutat|bloccat|non|sconosciut)\w*",),
    "expired": (r"tempo(?: \S+){0,4} (?:scaduto|esaurito)",),
    "transient": (r"temporane\w+|riprovare|piu tardi",),
}

RUSSIAN: dict[str, tuple[str, ...]] = {
    "mailbox_full": (
        r"(?:ящик|почтов\w+ ящик\w*|место|квота|лимит)(?: \S+){0,5} (?:переполнен|заполнен|исчерпан|превышен|закончилось)\w*",
        r"(?:переполнен|превышен|исчерпан|нехватка|недостаточно)\w*(?: \S+){0,3} (?:ящик|квот|мест|лимит ящик)\w*",
    ),
    "message_size": (r"(?:размер|письмо|сообщение)(?: \S+){0,5} (?:превышает|слишком (?:больш|велик)\w*|превышен)",),
    "mailbox_disabled": (
        r"(?:ящик|аккаунт|пользовател|учетная запись|адрес|почт)\w*(?: \S+){0,5} (?:заблокирован|отключен|деактивирован|неактивен|закрыт|приостановлен|удален|не активен)\w*",
    ),
    "mailbox_unknown": (
        r"(?:пользовател|адресат|получател|ящик|адрес|аккаунт)\w*(?: \S+){0,6} (?:не (?:существует|найден|зарегистрирован|известен|обнаружен)|неизвест|недействител|несуществу)\w*",
        r"(?:нет (?:такого|такои)|не существует|неизвестн\w+|несуществующ\w+|неверн\w+|не найден\w*|отсутствует)(?: \S+){0,3} (?:пользовател|ящик|адрес|получател|почтов|адресат)\w*",
    ),
    "domain": (r"домен\w*(?: \S+){0,4} (?:не (?:существует|найден|обслуживается)|неизвестен)", r"(?:не найден|несуществующ\w+) (?:домен|хост|сервер)\w*"),
    "spam": (r"спам",),
    "sender": (r"отправител\w*(?: \S+){0,5} (?:отклонен|отвергнут|заблокирован|не)\w*",),
    "policy": (r"политик\w* безопасности",),
    "reputation": (r"черн\w+ списк\w*",),
    "throttle": (r"слишком (?:много|часто)(?: \S+){0,3}(?: писем| сообщени\w*| соединени\w*)?",),
    "expired": (r"(?:истек\w*|превышен\w*) (?:время|срок|таимаут)|срок(?: \S+){0,3} истек",),
    "network": (r"соединени\w*(?: \S+){0,4} (?:разорван|отклонен|не)\w*|не удалось (?:соединиться|установить)",),
    "transient": (r"временн\w+|попробуите позже|позднее",),
}

JAPANESE: dict[str, tuple[str, ...]] = {
    "mailbox_full": (
        r"(?:メールボックス|受信箱|受信トレイ|ボックス|容量|ディスク|保存領域|サーバー?)[^。]{0,30}(?:一杯|いっぱい|満杯|フル|超え|超過|オーバー|不足|上限)",
        r"容量(?:制限|オーバー|超過|が)|満杯",
    ),
    "message_size": (r"(?:サイズ|メール|メッセージ|添付)[^。]{0,20}(?:大きすぎ|大き過ぎ|制限を超|上限を超|超過)",),
    "mailbox_disabled": (r"(?:アカウント|ユーザー?|メールアドレス|メールボックス)[^。]{0,20}(?:無効|停止|解約|休止|利用でき|使用でき|ロック)",),
    "mailbox_unknown": (
        r"(?:宛先|あて先|ユーザー?|アドレス|アカウント|メールボックス|受信者|利用者|加入者)[^。]{0,40}(?:見つかりません|見つかり|存在しません|存在しない|存在せず|ありません|不明|間違|誤り|登録されて(?:い)?(?:ない|ません)|ございません|正しくありません|みつかりません)",
        r"(?:存在しない|不明な|無効な|該当する)(?:宛先|ユーザー?|アドレス|メールアドレス|受信者)",
        r"宛先不明|ユーザー?不明|ディレクトリには?見つかりません",
    ),
    "domain": (r"(?:ドメイン|ホスト|サーバー?)[^。]{0,20}(?:見つかりません|存在しません|存在しない|不明|解決できません)",),
    "sender": (r"(?:送信者|送信元|差出人)[^。]{0,20}(?:拒否|許可されて|制限)", r"(?:権限|許可)が?(?:ありません|必要|ない)"),
    "filtered": (r"(?:受信拒否|ドメイン指定|指定受信|迷惑メールフィルタ|フィルタ)",),
    "spam": (r"迷惑メールと判定|スパム",),
    "virus": (r"ウイルス|ウィルス",),
    "policy": (r"ポリシー",),
    "expired": (r"(?:タイムアウト|期限|時間)[^。]{0,15}(?:切れ|超|経過|過ぎ)|配信を(?:中止|断念)",),
    "network": (r"(?:接続|通信)[^。]{0,15}(?:できません|失敗|拒否|切断)",),
    "transient": (r"一時的|しばらく(?:して|時間|経って)|後ほど|再度",),
}

CHINESE_KOREAN: dict[str, tuple[str, ...]] = {
    "mailbox_full": (r"(?:邮箱|信箱|郵箱|空间|空間|容量)[^。]{0,20}(?:已满|已滿|满了|不足|超过|超出|超限|不够)", r"메일함[^.]{0,20}(?:가득|초과)|용량[^.]{0,10}초과"),
    "message_size": (r"(?:邮件|郵件|信件)[^。]{0,15}(?:过大|過大|太大|超过大小|大小超)",),
    "mailbox_disabled": (r"(?:用户|帐号|账号|帳號|邮箱|信箱|用戶|帐户|账户)[^。]{0,15}(?:停用|禁用|锁定|鎖定|冻结|凍結|注销|过期|被封|关闭)", r"(?:휴면|정지|탈퇴)"),
    "mailbox_unknown": (
        r"(?:用户|收件人|地址|邮箱|帐号|账号|用戶|收件者|信箱|帳號|使用者|邮件地址)[^。]{0,25}(?:不存在|不正确|无效|無效|未找到|找不到|有误|有誤|错误|錯誤|未知|没有)",
        r"(?:不存在的?|无此|無此|找不到(?:该|此)?|没有(?:该|此|这个)?|查无此|未知的?)(?:用户|收件人|邮箱|帐号|账号|用戶|收件者|信箱|地址|人)",
        r"(?:사용자|수신자|계정|메일 ?주소|받는 ?사람)[^.]{0,20}(?:없|존재하지|잘못|찾을 수)",
    ),
    "domain": (r"(?:域名|网域|網域|主机|主機)[^。]{0,15}(?:不存在|无法解析|無法解析|找不到|无效|解析失败|错误)", r"도메인[^.]{0,15}(?:없|존재하지|찾을 수)"),
    "spam": (r"垃圾(?:邮件|郵件|信)|反垃圾|스팸",),
    "virus": (r"病毒",),
    "sender": (r"(?:发件人|發件人|寄件者|寄件人)[^。]{0,15}(?:拒绝|拒絕|不允许|无效|被禁)", r"(?:没有|沒有|无|無)[^。]{0,6}(?:权限|權限)", r"权限"),
    "reputation": (r"黑名单|黑名單|(?:ip|地址)[^。]{0,10}(?:拒绝|封锁|封禁)|차단",),
    "throttle": (r"(?:频率|频繁|頻繁|次数|连接数)[^。]{0,12}(?:过|超|太|限制)|过于频繁",),
    "policy": (r"(?:策略|政策|安全)[^。]{0,8}(?:拒绝|拒絕|限制)",),
    "expired": (r"(?:超时|逾时|逾時|超過時間|过期未)",),
    "network": (r"(?:连接|連接|連線|连线)[^。]{0,10}(?:失败|失敗|超时|被拒)|무응답|연결",),
    "transient": (r"暂时|暫時|稍后|稍後|重试|일시적",),
}

OTHERS: dict[str, tuple[str, ...]] = {
    "mailbox_full": (
        r"(?:postvak|mailbox|postbus)(?: \S+){0,4} (?:is )?vol\b|opslaglimiet|skrzynka(?: \S+){0,4} (?:pelna|przepelniona)|postladan ar full|schranka(?: \S+){0,3} plna",
    ),
    "mailbox_unknown": (
        r"(?:gebruiker|ontvanger|adres|postvak)(?: \S+){0,5} (?:bestaat niet|onbekend|niet gevonden|ongeldig)|onbekende (?:gebruiker|ontvanger)",
        r"(?:uzytkownik|adres|odbiorca|konto|skrzynka)(?: \S+){0,5} nie (?:istnieje|znaleziono)|nie ma takiego|nieznany (?:uzytkownik|odbiorca)",
        r"(?:anvandare|mottagare|adress|bruger|modtager|bruker|mottaker)\w*(?: \S+){0,5} (?:finns inte|okand|hittades inte|findes ikke|ukendt|finnes ikke|ukjent)",
        r"(?:uzivatel|adresat|adresa|schranka)(?: \S+){0,4} (?:neexistuje|neznam\w+|nenalezen\w*)|(?:kullanici|alici|adres)(?: \S+){0,4} (?:bulunamadi|yok|gecersiz|bilinmiyor)",
    ),
}

_LANGUAGES = (GERMAN, FRENCH, SPANISH_PORTUGUESE, ITALIAN, RUSSIAN, JAPANESE, CHINESE_KOREAN, OTHERS)

ABROAD: dict[str, tuple[str, ...]] = {
    rule: tuple(phrase for language in _LANGUAGES for phrase in language.get(rule, ()))
    for rule in sorted({rule for language in _LANGUAGES for rule in language})
}
