"""How servers say, in English, that a mail did not get through for now: rates, sizes, loops, networks, systems.

Regular expressions on plain wording (see `wording.py`): lower case, one line, `@` for an address, `link` for a URL.
"""

from __future__ import annotations

TRANSPORT: dict[str, tuple[str, ...]] = {
    "loop": (
        r"too many (?:hops|received)",
        r"hop ?count",
        r"mail(?:er)? ?loop",
        r"loop(?:ing|s)? (?:detected|back|problem|alert)",
        r"routing loop",
        r"mail forwarding loop",
        r"possible (?:mail )?loop",
        r"duplicated? message-id",
        r"forwarded more than",
        r"maximum (?:hop|forward)",
        r"loops back to myself",
        r"in a loop",
        r"hops exceeded",
    ),
    "local_delivery": (
        (
            r"(?:procmail|maildrop|deliver|lmtp|local|mailer)\b.{0,40}(?:couldn't|can't|cannot|could not|unable"
            r" to) (?:create|open|lock|write|append)"
        ),
        r"(?:can't|cannot|could not|unable to) (?:open|lock|write|append|access)(?: \w+){0,2} (?:mail ?box|maildir|folder)",
        r"mail ?box (?:is )?(?:locked(?! or suspended)|busy|in use)",
        r"\bsh: .{0,100}not found",
        r"command died with status",
        r"unknown mailer error",
        r"child process of \S+ transport returned",
    ),
    "greylist": (
        r"gr[ae]y-?list",
        r"postgrey",
    ),
    "throttle": (
        r"receiving (?:e?mail|messages) (?:at a rate|too quickly)",
        (
            r"too many (?:concurrent |simultaneous |smtp |open )*(?:connections|sessions|messages|mails|emails"
            r"|requests|recipients)"
        ),
        r"too much mail(?! stored| in)",
        r"rate[ \-]?limit(?:ed|ing)?\b",
        (
            r"(?:sending|message|connection|submission|delivery|mail) (?:rate|frequency|limit)s? (?:has been |is "
            r"|was )?(?:exceed|reached|over|too)"
        ),
        (
            r"exceed(?:ed|s|ing)? (?:the |its |your |their )?(?:maximum |max |allowed |hourly |daily |current"
            r" )*(?:(?:sending|message|messaging|connection|mail|email|recipient) )*(?:rate|frequency|limits? on"
            r" the number|number of (?:connections|messages|recipients))"
        ),
        r"exceeded the (?:maximum |max )?(?:emails|messages|mails) per",
        r"(?:hourly|daily) (?:sending|message|email|mail) (?:limit|quota)",
        r"sending (?:limit|quota)",
        r"unusual(?:ly high)? rate",
        r"unexpected volume",
        r"throttl(?:ed|ing)",
        r"frequency (?:is |was )?(?:limit|restrict|control)(?!.{0,80}blacklist)",
        r"slow(?:ing)? down\b",
        r"too (?:fast|quickly|frequent)",
        r"\btss0[45]\b",
    ),
    "message_size": (
        (
            r"(?:message|mail|e-?mail|attachment|size|content|body|data)s?(?: \w+){0,4} (?:is |was |are )?(?:too"
            r" (?:big|large|long)|larger than)"
        ),
        r"too (?:big|large) (?:a )?(?:message|mail)",
        r"message too",
        r"(?:exceed|over)(?:s|ed|ing)?(?: \w+){0,6} (?:message size|size limit|maximum size|size)",
        (
            r"(?:message|mail|e-?mail)(?: \w+){0,3} (?:exceed|over|excess)\w*(?: \w+){0,6} (?:size|limit|maximum"
            r"|length)"
        ),
        r"(?:message|mail) size (?:limit )?(?:exceed|is|was|violation|over|limit)",
        r"size limit (?:exceed|violat|for this)",
        r"max(?:imum)? (?:message |mail )?size",
        r"\bfile too big",
        r"line too long",
        r"sizelimit",
        r"resolver\.rst\.(?:recip|send)sizelimit",
    ),
    "for_now": (
        (
            r"temporarily (?:suspended|disabled|inactive|locked|unavailable|closed|limited|blocked|deactivated"
            r"|out of service|not accepting|failing|refus\w*|reject\w*)"
        ),
        r"unverified address|address verification in progress",
        r"(?:account|mailbox|user)(?: \S+){0,4} (?:unavailable|disabled|suspended) temporarily",
    ),
    "gave_up": (
        r"(?:delivery|queue|retry) (?:time|lifetime|period)(?: \S+){0,3} expired",
        r"expired (?:in|on) (?:the |our )?queue",
    ),
    "resolve_later": (
        r"host not found,? ?try again",
        r"servfail",
        r"(?:host|domain|record)(?: [^\s.]+){0,4} \(?try (?:again|later)",
        r"(?:temporary|transient|server|lookup)(?: \w+){0,3} (?:dns|lookup|resolution|name server|resolver)",
        r"dns (?:server|soft|timeout|query|temporar|lookup (?:failure(?!: host \S+ not found)|timed|timeout))",
        r"name ?server(?: \w+){0,2} (?:timeout|timed|error|fail|temporar)",
        r"malformed or unexpected name server",
        r"lookup (?:timed|timeout|did not complete)",
        r"lowest[ \-]numbered mx",
        r"mx (?:list )?(?:points|loops) (?:back )?to",
        r"best[ \-]preference mx",
    ),
    "expired": (
        r"(?:retry|delivery|queue|message|mail)(?: \w+){0,3} (?:timeout|time-?out|expired|timed out|expir)",
        r"(?:been in|in) (?:the |mail )*queue (?:too|for too|for) long",
        r"message (?:expired|is too old|too old)",
        r"too old",
        (
            r"could not (?:be )?deliver\w*(?: \w+){0,6} (?:for|within|in|after) (?:the )?(?:last |past )?\d+"
            r" ?(?:days?|hours?|h|d)"
        ),
        r"(?:delivery )?(?:time|attempt|retry|retries|tries)s? (?:limit )?(?:exceeded|expired|exhausted|failed)",
        r"giving up",
        r"gave up",
        r"given up",
        r"delivery (?:attempts?|failed) \d+ attempts",
        r"aborted after",
        r"undeliverable (?:for|after) \d+",
        r"queue\.expired",
        r"exceeded maximum delivery attempts",
        r"after (?:trying|retrying)",
        r"repeated attempts",
        r"stopped trying",
        r"expired (?:stuck|after)",
        r"unable to deliver.{0,40}(?:days|hours)",
    ),
    "network": (
        r"lost connection",
        (
            r"(?:connection|connect|operation|session|conversation|socket|network|lookup|response|read|write)(?:"
            r" \w+){0,5} (?:timed out|timeout|time-?out|refused|reset|lost|dropped|closed|failed|broken|aborted"
            r"|fail|interrupt|terminat|unreach)"
        ),
        r"no route to host",
        (
            r"(?:host|network|server|destination|gateway)(?: \w+){0,3} (?:unreachable|is down|not respond"
            r"|unavailable|did not respond|not (?:be )?(?:reached|contacted|reachable)|isn't respond|down)"
        ),
        r"could(?: not|n't)(?: \w+){0,4} (?:connect|contact|reach|establish|communicat)",
        r"(?:unable|failed|failure|not able) to (?:connect|contact|reach|establish|communicat|open)",
        r"no (?:gateway|route|path)",
        r"could not find a gateway",
        r"bad (?:smtp )?(?:connection|greeting)",
        r"broken pipe",
        r"winsock",
        r"socket error",
        r"(?:can't|cannot) (?:connect|contact|reach|create)",
        r"connect(?:ion)? (?:to|error|problem|died)",
        r"remote host closed",
        r"tls (?:handshake|negotiat|connect|error)",
        r"handshake",
        r"certificate",
        r"no answer",
        r"timed out",
    ),
    "system": (
        (
            r"(?:config(?:uration)?|local|system|internal|server|software|service|program|operating system|script"
            r"|command|disk|file|i/?o|database|ldap|lmtp|resource|mailer|processing|unexpected|temporary)(?:"
            r" \w+){0,3} (?:error|failure|problem|failed|crash|unavailable|not available|died|exit|shortage|fault"
            r"|exhaust|overload|not configured)"
        ),
        (
            r"(?:insufficient|out of|not enough|lack of|low|no|inadequate)(?: \w+){0,2} (?:system |disk |storage "
            r"|memory |space|resource|storage|disk|descriptors)"
        ),
        r"disk full",
        r"can(?:'t|not) (?:create|open|write|lock|append|execute|access|allocate|fork|save|store)",
        r"cannot (?:be )?(?:stored|written)",
        r"permission denied",
        r"no such file",
        r"read-?only",
        r"write error",
        r"(?:pipe|command) (?:died|failed|to \|)",
        r"exit (?:status|code)",
        r"executing",
        r"transaction (?:failed|aborted)",
        r"service (?:not available|unavailable|shut)",
        r"mail system",
        r"mailer (?:error|fault)",
        r"misconfigur",
        r"server (?:is )?(?:busy|overload|shut|down)",
        r"unable to (?:process|create|open|write|lock|execute|save|deliver local)",
        r"crashed",
        r"unsupported (?:mail )?dest",
        r"alias(?:es)? (?:expansion|loop|file)",
        r"undefined mailer",
        r"general (?:system )?fail",
        r"not (?:accepting|accept) (?:network )?messages",
        r"storedrv",
        r"stopped accepting",
        r"over ?load",
        r"maintenance",
        r"reserved",
    ),
    "protocol": (
        (
            r"(?:command|syntax|protocol|sequence|parameter|argument|option)(?: \w+){0,3} (?:error"
            r"|unrecogni[sz]ed|not (?:implemented|recogni[sz]ed|supported|allowed|permitted)|out of sequence"
            r"|invalid|violation|incorrect|rejected|unknown)"
        ),
        (
            r"(?:unknown|unrecogni[sz]ed|bad|invalid|unimplemented|unexpected|improper|unsupported) (?:\w+"
            r" )?(?:command|sequence|syntax|parameter|argument|option|reply|response)"
        ),
        r"need (?:mail|rcpt|helo|ehlo)",
        r"out of order",
        r"pipelin",
        r"smtputf8",
        r"8bitmime",
        r"(?:5xx|505|501|502|503|504)\b.{0,40}error",
        r"polite people",
        r"nested mail",
        r"in violation of",
    ),
    "refused": (
        r"(?:message|mail|e-?mail|content|data|letter)(?: \S+){0,2} (?:denied|refused|rejected|bounced by)",
        r"\bdenied \[",
    ),
    "transient": (
        r"try (?:again|later|it)",
        r"temporar(?:y|ily)",
        r"transient",
        r"deferred",
        r"please retry",
        r"come back",
        r"\bbusy\b",
        r"postgrey",
        r"later\b",
    ),
}
