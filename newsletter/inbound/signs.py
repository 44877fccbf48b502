"""Signs by which kinds of mail are known: words of subjects and notices, in the languages we have met."""

from __future__ import annotations

import re

_ROBOT_SENDERS = (
    r"mailer-?daemon",
    r"post-?master",
    r"mail(?:er)? ?(?:delivery|system|administrator|robot)",
    r"delivery (?:sub-?)?(?:system|status|notification|report|agent)",
    r"mail\.?delivery\.?system",
    r"mdaemon",
    r"(?:mail|email|message) (?:router|server|gateway|transfer)",
    r"system administrator|systemadministrator|admin(?:istrator)? (?:of|at)",
    r"internet mail|nondeliv|non-deliv|undeliver",
    r"メール配送|メール配信|почтов\w+ (?:сервер|служб|систем)",
)
_FAILURE_SUBJECTS = (
    r"undeliver(?:able|ed)|un-deliver|not? (?:be )?deliver|non-?delivery|nondeliverable|unable to deliver|unzustellbar|no se ha podido|cannot (?:be )?(?:deliver|send)",
    r"deliver\w*(?: \S+){0,4} (?:fail|error|problem|report|status|notif|impossible|unsuccess|not|refus|could)|(?:fail|failed|failure|error|problem)\w*(?: \S+){0,3} (?:deliver|notice|message|mail|sending|notification)",
    r"(?:mail|message|e-?mail|mailbox)(?: \S+){0,4} (?:fail|error|return|bounce|reject|undeliver|not deliver|refus|could not)",
    r"return(?:ed|ing)? (?:mail|message|to sender|email)|bounced? (?:mail|message|action)|(?:user|recipient|host|address|mailbox)(?: \S+){0,2} (?:unknown|not found|full|invalid|rejected|over)",
    r"loop alert|smtp (?:error|fail)|delivery notification|mail system error|nondelivery|ndr\b|ndn:",
    r"unzustellbar|nicht (?:zugestellt|zustellbar)|zustell\w+ ?(?:fehl|nicht)|fehlgeschlagen|rueckl\w+|fehler beim",
    r"non remis|echec de (?:la )?(?:remise|distribution|livraison)|non distribu|message non|avis de non|notification d'etat|non delivr",
    r"no se (?:pudo|puede) entregar|no entregado|error (?:de|en la) entrega|devuelto|notificacion de(?:l)? estado|fallo|entrega fallida|nao entregue|falha (?:na|de|ao)|devolvid|nao foi possivel",
    r"mancata consegna|recapito (?:non|fall)|consegna fallita|non consegnat|impossibile recapitare|errore di consegna",
    r"не\s?доставл|недоставлен|не может быть доставлен|ошибка доставки|уведомление о (?:невозможн|состоянии)|возвращ|невозможно доставить|сообщение не",
    r"配信不能|配送不能|配信できません|配送できません|送信できません|未配信|未達|不達|エラーメール|配信エラー|送信エラー|配信(?:に)?失敗|配送(?:に)?失敗|送信失敗|お届けできません|配信状況",
    r"退信|系统退信|投递失败|无法投递|未送达|发送失败|無法(?:傳送|送達|投遞)|传递失败|傳遞失敗|寄送失敗|반송|전송 ?실패|배달 ?(?:실패|불능)",
    r"onbestelbaar|niet (?:be|af)geleverd|kunde inte leverer|olevererbart|nie dostarczon|niedostarczon|nedoruc",
)
_FAILURE_WORDS = (
    r"(?:could|can|was|were|has|have|is|are|did|do|does|will|be)(?:n't| ?not)(?: \w+){0,3} (?:deliver|sent|reach|relayed|accepted|forward|transmit|send|complete|process)",
    r"(?:unable|failed|impossible|not able|failure|wasn't able|attempt\w*)(?: \w+){0,4} (?:deliver|send|reach|relay|forward|transmit)|undeliver|non-?deliver|unsuccessful|cannot (?:be )?(?:deliver|send|reach)",
    r"(?:delivery|message|mail|address|recipient)\w*(?: \S+){0,9} (?:fail|abort|bounced|reject|refused|returned)|failed (?:address|recipient|deliver|after|permanent)|permanent (?:fatal )?(?:error|fail)|returned to (?:the )?sender|returned mail|giv(?:en|ing) up|did not (?:like|reach)|said: ?[45]\d\d|duplicated message-id|does not exist|unknown (?:user|host)|user unknown",
    r"(?<![\d.])5\d\d[ \-](?:5\.\d{1,3}\.\d{1,3}|[a-z#<\"'])|<<< [45]\d\d",
    r"nicht (?:\S+ ){0,3}(?:zugestellt|gesendet|ausgeliefert|erreicht)|konnte(?:n)? (?:\S+ ){0,8}nicht|unzustellbar|zustellung",
    r"n'a (?:pas )?(?:pu|ete)(?: \S+){0,4}|n'a pu etre|impossible de|non (?:remis|distribue|delivre)|echec|pas (?:ete |pu )?(?:etre )?(?:remis|distribu|delivr|envoye)|il se peut que",
    r"no (?:se )?(?:ha |pudo |puede |fue |pudimos )(?:\S+ ){0,4}(?:entreg|envia|pod)|nao (?:foi |pode |pudo |conseg)(?:\S+ ){0,4}(?:entreg|envia|possivel)|no se pudo|quizas no exista|falha|fallo",
    r"non (?:e stato |ha |puo )(?:\S+ ){0,4}(?:consegn|recapit|possibil|invia)|impossibile|mancata",
    r"не (?:может|могло|удалось|было|доставлено|будет|смог)(?: \S+){0,5}|недоставл|невозможно",
    r"(?:配信|配送|送信|届け|届く|お届け|受信|転送)[^。]{0,25}(?:できません|出来ません|できない|失敗|不能|ませんでした|中止|拒否)|見つかりません|存在しません|エラー",
    r"无法(?:投递|送达|发送|递送)|投递失败|未能(?:投递|送达|发送)|退回|无法被|無法(?:傳送|送達|投遞|寄)|不存在|失败|失敗|전달(?:되지|하지|할 수)|실패|없습니다",
)
_DELAY_SUBJECTS = (
    r"\bdelay(?:ed)?\b|^warning: (?:could not send|message)|delayed mail|still being retried|(?:not yet|temporarily) (?:been )?deliver|deferred|will (?:be )?retr|verzoger|retard|retrasad|atrasad|ritard|задерж|отложен|遅延|延迟|延遲|지연",
)
_DELAY_WORDS = (
    r"(?:has|have) (?:not yet|been delayed|not been delivered yet)|not yet been (?:delivered|able)|not been able to deliver(?: \S+){0,10} yet|will (?:keep|continue) (?:on )?(?:trying|to try|attempt|retry)|(?<!further )(?:delivery|attempts?) (?:attempts? )?will (?:continue|be (?:retried|attempted|repeated))|will (?:be )?retri|you do not need to resend|do not (?:need to )?re-?send|this is (?:only )?a (?:warning|temporary)|warning message only|is delayed|still (?:being )?(?:trying|retr|attempt|in (?:the )?queue|undelivered)|temporary (?:problem|issue)(?: \S+){0,4} (?:deliver|will)|no action is required|(?:gmail|system|server) will (?:retry|continue)",
)
_SUCCESS_WORDS = (
    r"(?<!not )(?:successfully|been|was|were) (?:successfully )?(?:delivered|relayed) (?:to|on)|delivery (?:was )?(?:success|confirm)|(?:message|mail) (?:was |has been )?successfully (?:delivered|relayed|sent)|erfolgreich (?:zugestellt|ubermittelt)|正常に(?:配信|配送)|успешно доставлен",
)
_REPLY_SUBJECTS = (
    r"^(?:automatic|auto|automated)[ \-]?(?:matic )?(?:reply|response|responder|antwort|answer)|^auto(?:reply|:|-re|\b)|out[ \-]of[ \-](?:the[ \-])?office|\bvacation\b|on (?:annual |maternity |parental |sick )?leave\b|away from (?:the |my )|\bi(?:'m| am) (?:away|out)|\booo\b|automatic(?:ally)? (?:generated )?(?:re|answer)|holiday",
    r"abwesen(?:d|heit)|automatische antwort|nicht im (?:buro|hause)|urlaub|reponse automatique|absence|absent|conges|respuesta automatica|fuera de (?:la )?oficina|ausen(?:te|cia)|resposta automatica|fora do escritorio|ferias|risposta automatica|fuori (?:sede|ufficio)|assen(?:te|za)",
    r"автоответ|автоматический ответ|в отпуске|отсутств|自動(?:返信|応答|送信|回复|回覆|回復)|不在|休暇|自动(?:回复|答复|应答)|外出|休假|자동 ?(?:응답|회신)|부재|afwezig|automatisch antwoord|autosvar|franvaro|automatyczna odpowiedz|nieobecn",
)
_CHALLENGE_WORDS = (
    r"(?:confirm|verify|prove|show)(?: \w+){0,4} (?:you are|that you are|you're)(?: \w+){0,3} (?:human|person|not a (?:robot|spam))|(?:verify|confirm|authenticate|approve|release|validate|authorize)(?: \S+){0,3} (?:your|this) (?:e-?mail|message|address|identity|mail)(?: \S+){0,8} (?:deliver|sender|link|click|whitelist|allow|recipient|reach|repl)|challenge[/\- ]response|one[\- ]time (?:verification|confirmation)|(?:your|the) (?:message|e-?mail|mail)(?: \S+){0,10} (?:held|waiting|quarantined|queued|pending)(?: \S+){0,12} (?:confirm|verif|authenticat|approv|repl|click|link)|boxbe|spamarrest|spam arrest|choicemail|earthlink spamblocker|tmda|mailblocks|bluebottle|sender verification (?:request|required)|approved? senders? list|guest list",
)
_COMPLAINT_SUBJECTS = (r"^complaint about message from |^\[?(?:spam|abuse) (?:report|complaint)|feedback ?loop (?:report|complaint)|^abuse report",)


def _any_of(phrases: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(phrases))


ROBOT_SENDER = _any_of(_ROBOT_SENDERS)
FAILURE_SUBJECT = _any_of(_FAILURE_SUBJECTS)
FAILURE_WORDS = _any_of(_FAILURE_WORDS)
DELAY_SUBJECT = _any_of(_DELAY_SUBJECTS)
DELAY_WORDS = _any_of(_DELAY_WORDS)
SUCCESS_WORDS = _any_of(_SUCCESS_WORDS)
REPLY_SUBJECT = _any_of(_REPLY_SUBJECTS)
CHALLENGE_WORDS = _any_of(_CHALLENGE_WORDS)
COMPLAINT_SUBJECT = _any_of(_COMPLAINT_SUBJECTS)
UNSUBSCRIBE_SUBJECT = re.compile(
    r"^(?:re: ?|aw: ?)*(?:unsubscribe|stop|remove(?: me)?|opt[ \-]?out|abmelden|abbestellen|desinscription|desabonner|"
    r"baja|cancelar|descadastrar|cancellami|отписаться|отписка|退订|取消订阅|配信停止|登録解除)[.!]*$"
)
