"""The phrases of English-speaking mail servers, as regular expressions on plain wording (see `wording.py`).

`{0,40}` and the like keep two words of one sentence together; nothing here is longer, so the time is linear.
"""

from __future__ import annotations

from newsletter.domain.bounces.verdicts import Category

_WHO = r"(?:user|recipient|mailbox|account|address|addressee|person|email|e-mail|mail box|inbox|member|alias)"
_GONE = r"(?:disabled|suspended|deactivated|inactive|closed|discontinued|deleted|terminated|expired|frozen|locked|retired|abandoned|dormant)"
_US = r"(?:ip|ip address|ips|host|client|server|network|domain|connection|message|mail|e-?mail|sender|isp|messages|mails|mta)"

ENGLISH_STRONG: dict[str, tuple[Category, tuple[str, ...]]] = {
    "loop": (
        Category.LOOP,
        (
            r"too many (?:hops|received)|hop ?count|mail(?:er)? ?loop|loop(?:ing|s)? (?:detected|back|problem|alert)|routing loop|mail forwarding loop|possible (?:mail )?loop|duplicated? message-id|forwarded more than|maximum (?:hop|forward)|loops back to myself|in a loop|hops exceeded",
        ),
    ),
    "malformed": (
        Category.PROTOCOL,
        (
            r"malformed (?:recipient )?address|incorrectly constructed|unqualified address|may not follow @",
        ),
    ),
    "local_delivery": (
        Category.SYSTEM,
        (
            r"(?:procmail|maildrop|deliver|lmtp|local|mailer)\b.{0,40}(?:couldn't|can't|cannot|could not|unable to) (?:create|open|lock|write|append)",
        ),
    ),
    "throttle": (
        Category.THROTTLE,
        (
            r"receiving (?:e?mail|messages) (?:at a rate|too quickly)",
            r"too many (?:concurrent |simultaneous |smtp |open )*(?:connections|sessions|messages|mails|emails|requests|recipients)",
            r"too much mail",
            r"rate[ \-]?limit(?:ed|ing)?\b",
            r"(?:sending|message|connection|submission|delivery|mail) (?:rate|frequency|limit)s? (?:has been |is |was )?(?:exceed|reached|over|too)",
            r"exceed(?:ed|s|ing)? (?:the |its |your |their )?(?:maximum |max |allowed |hourly |daily |current )*"
            r"(?:(?:sending|message|messaging|connection|mail|email|recipient) )*(?:rate|frequency|limits? on the number|number of (?:connections|messages|recipients))",
            r"exceeded the (?:maximum |max )?(?:emails|messages|mails) per",
            r"(?:hourly|daily) (?:sending|message|email|mail) (?:limit|quota)",
            r"sending (?:limit|quota)|unusual(?:ly high)? rate|unexpected volume|throttl(?:ed|ing)|slow(?:ing)? down\b|too (?:fast|quickly|frequent)",
            r"\btss0[45]\b",
        ),
    ),
    "mailbox_full": (
        Category.MAILBOX_FULL,
        (
            r"(?:over|exceed(?:ed|s|ing)?|above|beyond|out of|reached|hit)(?: (?:its|his|her|their|the|your|user|disk|storage|mailbox|mail|allotted|allowed|maximum|hard|soft|message))* ?"
            r"(?:quota|storage limit|storage space|storage capacity|mailbox size|mailbox limit|disk space)",
            r"over ?quota|quota (?:has been |is |was |would be )?(?:exceed|full|violation|reached|overflow)|not enough (?:storage|free) ?space|insufficient (?:mailbox |user )?(?:storage|quota)",
            rf"{_WHO}(?:'s)?(?: @)? (?:\S+ )?(?:is |has |was |appears |to |be |currently |temporarily |already )*(?:full\b|too full|too large|overfull|over the limit|exceeded)",
            r"(?:mailbox|mail box|inbox|maildir|mailfolder|mail folder|mail directory|mail drop|account) (?:has |is )?(?:exceeded|overflow|full|over)",
            r"(?:exceed|exceeds|exceeded) (?:the |its )?(?:mailbox|mail box|storage|disk|quota|inbox)",
            r"full mailbox|maildir delivery failed: domaindiskquota|mailfolder is full|delivery would overfill|storage (?:limit|quota|allocation)|disk ?quota|diskquota",
            r"(?:no|insufficient|not enough|out of)(?: \w+){0,2} (?:space|room|storage)(?: \w+){0,3} (?:for (?:this )?user|in (?:the )?(?:user'?s? )?(?:mailbox|inbox)|for (?:the )?recipient)",
            r"too many messages in (?:the |this )?(?:mailbox|inbox)|not have enough (?:disk )?(?:space|storage)",
        ),
    ),
    "message_size": (
        Category.TOO_LARGE,
        (
            r"(?:message|mail|e-?mail|attachment|size|content|body|data)s?(?: \w+){0,4} (?:is |was |are )?(?:too (?:big|large|long)|larger than)",
            r"too (?:big|large) (?:a )?(?:message|mail)|message too|(?:exceed|over)(?:s|ed|ing)?(?: \w+){0,6} (?:message size|size limit|maximum size|size)",
            r"(?:message|mail|e-?mail)(?: \w+){0,3} (?:exceed|over|excess)\w*(?: \w+){0,6} (?:size|limit|maximum|length)",
            r"(?:message|mail) size (?:limit )?(?:exceed|is|was|violation|over|limit)|size limit (?:exceed|violat|for this)|max(?:imum)? (?:message |mail )?size",
            r"\bfile too big|line too long|sizelimit|resolver\.rst\.(?:recip|send)sizelimit",
        ),
    ),
    "sender": (
        Category.SENDER,
        (
            r"(?:bad|invalid|unknown|illegal|malformed|unverified|unauthori[sz]ed|forged|blocked|null) (?:envelope )?sender",
            r"sender(?:'s)?(?: (?:e?mail|address|domain|host|envelope|@|<>))*[: ](?: ?(?:is|was|has been|has|could|does|can) )?(?:not |un|in)?"
            r"(?:be )?(?:verif|reject|denied|refus|block|ban|unknown|invalid|resolv|not? |accept|allow|listed|blacklist|mismatch|permi|must|no such|without|syntax|on the)",
            r"sender (?:verify|verification|callout|callback|id|address verification)|verif(?:y|ication) (?:of )?(?:the )?(?:return|sender|envelope|from)",
            r"(?:domain|host) of (?:the )?sender|sender'?s? domain|sending domain|from domain|mail from domain|return[ \-]path|reverse[ \-]path|from (?:address|header|field|:)",
            r"(?:denied|rejected|refused|blocked|banned)(?: \w+){0,3} (?:by |from |for |due to )?(?:the |this |your )?sender",
            r"you(?:'re| are)? (?:not )?(?:(?:permitted|allowed|authori[sz]ed)(?: to)? (?:send|post|mail|submit)|on (?:the|our|my) (?:black|block|deny))",
            r"not (?:a )?member of|only (?:members|subscribers)|not (?:have )?permission to (?:post|send)|non-?members?\b|members.only|restricted (?:sender|to (?:members|authenticated))|not (?:able|permitted) to post|needs? to be in the (?:list|group)",
            r"(?:don't|do not|does not|doesn't) (?:accept|want)(?: \w+){0,3} (?:mail|email|messages) from (?:you|your|this|that|the sender)",
            r"(?:mail|email|messages) from (?:@|<>|this|your|that)(?: \w+){0,3} (?:is |are |was |were |has been |not |will )*(?:reject|refus|denied|block|accept|allow|ban|permit)",
            r"rcpt_?(?:to )?restrict|resolver\.rst\.(?:not)?auth|restrictedtorecipients|requires that (?:all )?senders|access denied: sender|user_?not_?in_?whitelist|whitelist",
            r"\bthe sender (?:is|was|has)|authenticat(?:ed|ion) (?:senders?|required)|sender not authenticated|delivery not authorized|not authori[sz]ed to send",
        ),
    ),
    "reverse_dns": (
        Category.REVERSE_DNS,
        (
            r"reverse[ \-](?:dns|lookup|hostname|mapping|resolution|name|record|address|host|ip)|\brdns\b|\bptr\b|\bfcrdns\b|generic (?:reverse|hostname|dns)|dynamic (?:ip|host|address|hostname|pool|dns)",
            r"cannot (?:find|resolve) your (?:hostname|reverse|address|domain|ip)|ip (?:name|address)? ?(?:lookup|reverse) fail|(?:no|without|missing|bad|invalid)(?: \w+){0,2} (?:ptr|reverse)",
            r"unverifiable (?:sending )?ips?|(?:helo|ehlo)(?: \w+){0,5} (?:reject|invalid|mismatch|resolve|not|bad|denied|forg)|(?:invalid|bad|forged|reject\w*|fake) (?:helo|ehlo)|does not resolve to (?:the |your )?(?:ip|address)",
            r"(?:your|client|connecting|sending)(?: \w+){0,2} (?:ip|host|hostname|address)(?: \w+){0,4} (?:does not|doesn't|could not|cannot|not) (?:be )?(?:resolv|match|have a (?:host)?name|have (?:a )?(?:valid )?dns)",
            r"client host rejected: cannot find|no hostname for|host ?name lookup for|domain name (?:mismatch|of your)|fix your dns",
        ),
    ),
    "auth": (
        Category.AUTH,
        (
            r"\bspf\b|\bdkim\b|\bdmarc\b|\barc (?:fail|valid)|\bsender id\b|sender policy framework|domainkeys|unauthenticated (?:e?mail|message|sender)|fail(?:s|ed|ing)?(?: \w+){0,2} authentication",
            r"purported responsible|address is not verified|identities failed|authentication (?:checks?|results?|information|policy|failed|failure|credentials)|not authenticated|starttls (?:first|is required)|must issue a starttls|(?:tls|encryption|ssl) (?:is )?(?:required|needed|not)|encryption (?:too|need)|smtp auth",
        ),
    ),
    "reputation": (
        Category.REPUTATION,
        (
            r"spamhaus|spamcop|barracuda ?(?:central|networks|reputation)|sorbs|\bsurbl\b|\buribl\b|\b(?:rbl|dnsbl|xbl|sbl|pbl|cbl|dnswl|rhsbl|drbl)\b|njabl|abuseat|senderbase|senderscore|uceprotect|manitu|backscatterer|invaluement|mailspike|cloudmark",
            r"(?:block|black|deny|drop|bad|ban|reject)[ \-]?list|reputation|\bblocked using\b|\bbanned\b|(?:ip|host|address|server|network|domain)(?: \w+){0,4} (?:is |are |was |has been |been |currently |temporarily )+(?:black|block|list(?:ed)? (?:in|on|at|by)|deny|denied|reject|ban|refus|restrict|suspicious)",
            rf"(?:block|reject|refus|restrict|ban|deni|den(?:y|ied)|filter)(?:ed|ing|s)?(?: \w+){{0,3}} (?:your|sending|source|client|sender|originating|connecting|from) (?:\w+ )?{_US}\b",
            r"(?:your|sending|source|client|sender|remote|connecting|originating)(?: \w+){0,2} (?:ip|host|ips|network|server|mailserver|mta)(?: address)?(?: \S+){0,3} (?:is|was|has|not|may|are|have|does)? ?(?:been |not )?(?:block|black|list|reject|refus|ban|deni|restrict|flag|accept|allow|permit)",
            r"connection(?:s)? (?:from )?(?:\S+ )?(?:was |is |has been |have been |are )?(?:refused by policy|rejected|dropped|denied|not accepted|blocked|not allowed)|(?:access|connect(?:ion)?|permission|service) denied(?: \S+){0,3} (?:ip|client|host|address)|client host(?: \S+)? (?:rejected|blocked)|no access from|refus\w* connection|not accept(?:ing)? (?:mail|connections|email) from",
            r"(?:block|refus|reject)\w* (?:due to|because of|for|by)(?: \w+){0,3} (?:spam|abuse|complaint|reputation|blacklist|attack)|user complaints|abus(?:e|ive) (?:from|of|at|by|detected|activity|report)|bad (?:ip|sender) |poor (?:ip|sender)|suspicious (?:ip|activity|connection|host)|dictionary attack|directory harvest",
            r"\btss(?:09|11)\b|\bs3150\b|\bs3140\b|\bs775\b|permanently deferred|\bbl[0-9]{3,6}\b|\bcs01\b|daily relay quota|not a (?:valid|permitted) (?:mail )?(?:host|server|mx)|messages? from (?:\d{1,3}\.){3}\d{1,3}|\[?(?:\d{1,3}\.){3}\d{1,3}\]? (?:is |was |has been |not )*(?:block|list|ban|reject|refus|deni|allow)",
            r"no smtp service|\(bl\)|\bip=\d|(?:don't|do not) accept (?:mail|email|connections)|we do not accept|mail server (?:is )?(?:blocked|blacklisted)|your isp",
        ),
    ),
    "virus": (
        Category.VIRUS,
        (
            r"\bvirus(?:es)?\b|\bmalware\b|\btrojan\b|\bworm\b|infected|malicious (?:content|code|file|attachment|url|link)|phish|\bclamav\b|eicar|rejected due to security polic",
        ),
    ),
    "spam": (
        Category.CONTENT,
        (
            r"(?:^|[^\w\-])(?:spam|uce|ube|junk|bulk ?mail|unsolicited)\b|spam(?:assassin|my|signature|content|score|mail|ming)|mcspam|anti-?spam|looks like spam|spam-?like|advertis|high probability of|likely (?:suspicious|unsolicited)",
        ),
    ),
    "content": (
        Category.CONTENT,
        (
            r"(?:illegal|forbidden|prohibited|banned|dangerous|blocked|executable|restricted|unwanted|encrypted|bad|disallowed) (?:\w+ )?(?:attachment|file|content|extension|mime)|attachment(?:s)?(?: \w+){0,5} (?:not (?:allowed|permitted|accepted)|prohibited|forbidden|blocked|removed|reject)",
            r"(?:message|mail|e-?mail|its|body|header|subject|text|objectionable|prohibited|inappropriate) content|content (?:reject|filter|scan|block|check|polic|restrict|not|violat|match|denied|is )|conversion (?:required|not|fail|with loss)",
            r"not (?:rfc ?\d+|rfc) compliant|rfc ?\d{3,4} (?:compliant|violation)|headers? (?:are )?(?:too (?:large|big|long|many)|error|check|missing|violation|invalid|malformed)|(?:missing|invalid|malformed|bad|multiple|duplicate|improper|no)(?: \w+){0,2} (?:header|from:|date:|to:|message-id|subject|mime)|8-?bit (?:mime|characters|data)|bare (?:lf|newline|cr)|mime (?:error|parse|boundary)|improper use of",
            r"message (?:was |has been |is )?(?:filtered|quarantined|identified|classified|flagged|blocked|caught)|(?:score|points|hits)(?: \w+){0,3} (?:exceed|over|above|too)|blocked by (?:\w+ )?(?:filter|rule)|(?:contain|contains|contained|containing) (?:a |an |the )?(?:url|link|banned|blocked|suspicious|word)|potential security|unacceptable",
        ),
    ),
    "relay": (
        Category.RELAY,
        (
            r"relay(?:ing)?(?: \w+){0,4} (?:denied|not (?:permitted|allowed|possible)|prohibited|refused|disallowed|disabled|reject|block|unauthori[sz]ed|restricted|not)|(?:not|unable to|cannot|can't|won't|don't|no|do not|refus\w*|unauthori[sz]ed|illegal|attempt\w* to) (?:\w+ ){0,4}relay",
            r"not (?:a |an )?(?:open )?relay|relay(?:ing)? (?:access|attempt|mail)|rcpthosts|not (?:in )?(?:my|our) (?:list of )?(?:allowed|permitted) (?:rcpthosts|domains)|not a gateway|rely is prohibited|we do not (?:relay|serve)|insecure mail relay|send mail from here|domain isn't (?:in|allowed)|pop[ \-]before[ \-]smtp|check.?(?:your )?mail first",
            r"(?:must|need to|please|to) (?:\w+ )?(?:authenticate|log ?in|check (?:for new )?mail)(?: \w+){0,3} (?:before|first|to send|in order)|mail server requires authentication",
        ),
    ),
    "policy": (
        Category.POLICY,
        (
            r"(?:policy|policies|local|security|site|administrative|company|organi[sz]ation\w*)(?: \w+){0,2} (?:reason|violation|violat|restrict|reject|rule|prohibit|block|refus|filter|block)|(?:due to|violat\w*|against|because of|by|per|for|with|our|to)(?: \w+){0,4} polic(?:y|ies)|polic(?:y|ies) (?:reject|violat|block|prohibit|restrict|reason|denied|enforce)",
            r"(?:administrative|administratively) (?:prohibit|denied|block|lock|refus|deny|restrict)|blocked by (?:administrator|admin|policy|mimecast|proofpoint|ironport|barracuda|our|the|security|organi)|rejected by (?:an? )?(?:\w+ )?(?:policy|rule|filter|header|anti|content|system|administrator|gateway)|prohibited by|not accepted for policy|transport ?rules?|resolver\.rst\.|deny (?:from|by)|security (?:issue|reason|polic|violation|restrict|rule|setting)",
            r"(?:message|mail|e-?mail) (?:has been |was |is )?(?:rejected|refused|blocked|denied)(?: \w+){0,2} (?:because|due|for|by)(?: \w+){0,4} (?:rule|filter|gateway|admin|policy|recipient)|message (?:rejected|refused|denied|blocked) by|unacceptable mail|mail not accepted",
        ),
    ),
    "mailbox_moved": (
        Category.MAILBOX_MOVED,
        (
            r"(?:user|recipient|mailbox|account|address|person|has|addressee)(?: \w+){0,4} (?:has |have )?moved|new (?:e-?mail )?address|(?:changed|has changed) (?:his|her|their|its|the)? ?(?:e-?mail )?address|no forwarding address|please try @|user not local; please (?:forward|try)|replaced by @",
        ),
    ),
    "mailbox_disabled": (
        Category.MAILBOX_DISABLED,
        (
            rf"{_WHO}(?:'s)?(?: \S+){{0,4}} (?:is |are |was |has |have |been |temporarily |currently |now |no longer |or )*{_GONE}",
            r"(?:user|recipient|mailbox|account|e?mail account|address|e-?mail)(?: \S+){0,2} (?:is |has been |was |are )*(?:not active|no longer (?:active|in use|in service|available|valid|accept|receiv|used|on|with|employed|works|here|at)|not (?:currently )?(?:accepting|receiving|allowed to receive|enabled|in service)|unavailable permanently|cancell?ed|blocked|out of service|restricted|not activated)",
            rf"(?:disabled|inactive|closed|suspended|deactivated|blocked|expired|frozen|locked|non-?active) (?:user|mailbox|account|recipient|e-?mail)|account (?:that you tried to reach )?(?:is )?(?:{_GONE})|not (?:an )?active (?:user|account|mailbox|address)|no longer (?:with|works|employed|an employee|a (?:valid )?(?:user|customer|address|mailbox|account|email)|here|exists?\b.{{0,20}}mailbox)",
            r"boite du destinataire|mailbox (?:is )?(?:currently )?(?:unavailable|disabled) for (?:this )?(?:user|domain)|user(?:'s)? (?:account )?has (?:been )?(?:expired|cancelled|removed)|delivery to (?:the )?(?:following )?(?:address|mailbox|user) (?:is |has been )?(?:disabled|suspended)|inactivity",
        ),
    ),
    "resolve_later": (
        Category.NETWORK,
        (
            r"host not found,? ?try again|(?:temporary|transient|server|lookup)(?: \w+){0,2} (?:dns|lookup|resolution|name server|resolver)|dns (?:server|soft|timeout|query|temporar|lookup (?:failure|timed|timeout))|name ?server(?: \w+){0,2} (?:timeout|timed|error|fail|temporar)|malformed or unexpected name server|lookup (?:timed|timeout|did not complete)|lowest[ \-]numbered mx|mx (?:list )?(?:points|loops) (?:back )?to|best[ \-]preference mx|local configuration error|config(?:uration)? error",
        ),
    ),
    "mailbox_unknown": (
        Category.MAILBOX_UNKNOWN,
        (
            r"(?:user|recipient|mailbox|account|address|addressee|mail ?box|name|person|login|alias|userid|user ?name|mail drop|e-?mail)(?: name| id| address| account| you)? ?(?:\(?@\)?|\"[^\"]{0,60}\"|\S+@)?[ :\-,.;]{0,4}(?:is |was |are |has |an? |\()*(?:unknown|not ?found|not (?:exist|known|valid|recogni[sz]ed|listed|defined|a (?:known|valid|local)|registered|in (?:the |our |this )?(?:domain|directory|database|system|list|local))|non-?exist|invalid|doesn?.?t exist|does ?n[o']t exist|undefined|unrecogni[sz]ed|ambiguous|unresolvable)",
            r"(?:unknown|no such|invalid|non-?exist\w*|nonexistent|bad|unrecogni[sz]ed|undefined|wrong|illegal|incorrect|inexistent|unavailable) (?:local |virtual |destination |final |e-?mail |mail |to |smtp |recipient |user |mailbox |or )*(?:user|recipient|mailbox|account|address|addressee|person|mail ?box|alias|rcpt|name|local[ \-]?part|userid|login|member|customer|subscriber)(?!s? (?:quota|domain))",
            r"(?:user|recipient|mailbox|account|address|addressee|e-?mail|destination|mail ?box|name|person|that|which|it|group|contact|alias)(?:s|\(s\)|es)?(?: \S+){0,12}? (?:does|do|did|may|might)(?: not|n't) (?:exist|have (?:an? )?(?:account|mailbox|email)|appear to exist|match|belong)",
            r"(?:e-?mail |recipient )?(?:address|user|recipient|mailbox|account|he|she)(?: \S+){0,5} (?:wasn't|isn't|couldn't be|could not be|was not|cannot be|can't be|not|is not|were not) (?:found|known|located|listed|recogni[sz]ed|valid|a valid|exist|identified|matched|an? (?:valid|known)|in (?:the|our) (?:\w+ )?(?:directory|address book|database|list)|defined|registered)",
            r"no (?:such |valid |matching |local )*(?:user|recipient|mailbox|account|address|addressee|person|one|mail ?box|alias|local[ \-]part|match|entry|rcpt|local user|match(?:ing)? (?:record|entry|user))(?:s|\(s\))?(?: \w+){0,2} (?:here|by that name|with that|found|exist|in |at |on |of that|called|named|matching|for|known)|no such (?:user|mailbox|person|recipient|address|account|local|virtual|name|alias)|no mailbox|no mail ?box (?:here|by)|not? (?:a )?(?:valid|local|known) (?:user|mailbox|recipient|e-?mail|address|account|person)|no user\b|no account|isn't a (?:valid )?(?:user|mailbox|local)|there is no (?:user|mailbox|account|one|such|person)|unknown recipient|unknown user|user unknown|userunknown|unknownuser|recipient unknown",
            r"not (?:found|listed|exist|present|known|registered) (?:in|on|at|by|with|to|here)(?: \w+){0,4} (?:directory|address book|database|name server|system|server|table|domain|list|local|host|ldap|here|domino|notes)|not (?:listed )?in (?:the )?(?:domino|lotus|public|company|public name|name & address)|not our (?:customer|user)|recipient ?not ?found|recipnotfound|resolver\.adr\.\w*(?:recip|exrecip|invalid|badprimary)\w*|nosuchuser|unrout(?:e)?able (?:mail )?(?:address|user)|undeliverable address|address (?:is )?undeliverable|address(?:es)? (?:look-?up )?(?:fail|unknown)|(?:aliased|aliases?) to (?:an? )?unknown|unknown local[ \-]part",
            r"(?:requested )?recipient (?:address )?(?:is )?(?:does not|not) (?:exist|known|valid|found|recogni|on)|recipient (?:was |is )?(?:not (?:known|found|on)|invalid)|(?:550|553|551)[ \-].{0,20}(?:invalid|unknown|no such) |all (?:the )?recipients? (?:were |are |address\w* )?invalid|local delivery failed: no such|can(?:'t|not) (?:find|locate|identify|open) (?:the )?(?:user|mailbox|recipient|address)|check (?:if )?(?:the )?(?:e-?mail )?address (?:is|for|and)|mistyped|misspell?ed|typing error|unknown address|address unknown|address error|user does not|does not have an? (?:\w+ ){0,3}account|not a (?:\w+ )?(?:user|subscriber|customer) |doesn't have an? (?:\S+ ){0,2}(?:account|mailbox)|bad destination (?:mailbox|address)|rejected: @?:? ?(?:user|no such)|delivery to (?:this|that) address is (?:restricted|not possible)|mailbox not (?:available|local)|not delivered to nonexistent|permanently (?:removed|deleted)|non[ \-]?existing",
        ),
    ),
    "domain_no_mail": (
        Category.DOMAIN,
        (
            r"null ?mx|(?:^|[ :])[a-z0-9][\w.\-]{0,250}\.[a-z]{2,24} (?:does not|doesn't) exist|(?:domain|host)(?: \S+){0,3} (?:does not|doesn't|do not|never) (?:accept|receive|want|handle)s?(?: \w+){0,2} (?:mail|email|e-mail|messages)|does not receive (?:e-?)?mail|no ?mail ?(?:host|server) (?:for|exists)|mx host (?:of|for)(?: \S+){0,3} (?:not|does)",
        ),
    ),
    "domain": (
        Category.DOMAIN,
        (
            r"(?:host|domain|hostname|host name|domain name|recipient domain|destination (?:domain|host|server|address)|site|node|name|fqdn)(?: name)? ?(?:@|\S+\.\S+|\"\S+\")? ?[:\-,.]? ?(?:\(?(?:is |was |has |could |cannot |can |can't |couldn't |are |be )*)(?:unknown|not ?found|not (?:exist|be (?:found|resolved|located)|known|valid|resolve|registered)|non-?exist|invalid|does ?n[o']t exist|unresolvable|does not resolve|unroutable|unreachable by dns|no longer exist|expired)",
            r"(?:unknown|no such|invalid|non-?existent|bad|unresolvable|illegal|unrouteable|unroutable|wrong) (?:recipient |destination |mail |remote |fully )*(?:host|domain|hostname|site|node)(?:name)?|nxdomain|domain (?:does|do) ?n(?:o|')t exist|couldn't find any host|(?:can't|cannot|could not|unable to|couldn't|failed to|unsuccessful)(?: \w+){0,2} (?:find|resolve|locate|look ?up)(?: \w+){0,3} (?:host|domain|hostname|mx|route|mail (?:exchanger|server))",
            r"all relevant mx records point to non-?existent|(?:no|non-?existent|missing|without|invalid|bad)(?: \w+){0,2} (?:mx|dns)(?: (?:a|and|or|record|records|entry|entries))* ?(?:records?|found|exists?|hosts?|entr)|no mail exchanger|mx (?:record|lookup)s?(?: \w+){0,3} (?:not|no|fail|does|found)|host found but no data|no (?:data|address) (?:record|associated)|name or service not known|domain (?:\S+ )?couldn't be found|(?:domain|host)(?: \S+){0,8} couldn't be found|(?:couldn't|could not|cannot) be (?:found|resolved)|addr(?:ess)? (?:family )?not supported.{0,20}host|name service error.{0,80}host(?: or domain)? (?:name )?not found|unrouteable mail domain|domain (?:was |is )?not found|dns error: .{0,60}(?:not found|nxdomain|domain name)|bad host|server (?:does not exist|unknown)|no route for (?:the )?domain",
        ),
    ),
}

ENGLISH_WEAK: dict[str, tuple[Category, tuple[str, ...]]] = {
    "blocked": (
        Category.REPUTATION,
        (
            r"\bblocked\b",
        ),
    ),
    "filtered": (
        Category.FILTERED,
        (
            r"domain[ \-]filter|recipient(?: \w+){0,3} (?:filter|does not wish|has (?:blocked|refused))|user (?:reject|refuse)s? (?:your|this|the)|filter(?:ed)? by (?:the )?recipient|refused (?:by|to accept).{0,20}(?:recipient|user)",
        ),
    ),
    "mailbox_unavailable": (
        Category.MAILBOX_UNKNOWN,
        (
            r"(?:mailbox|recipient|user) (?:\(?@\)? )?(?:is )?(?:unavailable|not available)|(?:recipient|destination) (?:e-?mail )?(?:address )?(?:was |is |has been )?(?:rejected|refused)(?:[:.]?)(?: access denied)?\.?(?: ?\(in reply to .{0,20}rcpt.{0,40})?$|^(?:\d{3} )?(?:@:? ?)?(?:recipient|address) (?:address )?rejected[.: ]*$|invalid address|all recipients (?:were |have been )?(?:rejected|refused)|^5\d\d (?:5\.\d\.\d )?@:? rejected$|^(?:5\d\d )?(?:#?5\.1\.[01] )?(?:recipient|address|user) (?:address )?(?:rejected|refused)\.?$",
            r"not (?:be )?deliver\w* to (?:a |the )?(?:recipient|address).{0,40}(?:invalid|unknown|incorrect)|address(?:es)? (?:does|do)(?:n't| not)|(?:please )?check (?:if|that|whether) (?:the )?address|delivery to the following recipients? failed permanently because the (?:e-?mail )?address",
        ),
    ),
    "expired": (
        Category.EXPIRED,
        (
            r"(?:retry|delivery|queue|message|mail)(?: \w+){0,3} (?:timeout|time-?out|expired|timed out|expir)|(?:been in|in) (?:the |mail )*queue (?:too|for too|for) long|message (?:expired|is too old|too old)|too old|could not (?:be )?deliver\w*(?: \w+){0,6} (?:for|within|in|after) (?:the )?(?:last |past )?\d+ ?(?:days?|hours?|h|d)|(?:delivery )?(?:time|attempt|retry|retries|tries)s? (?:limit )?(?:exceeded|expired|exhausted|failed)|giving up|gave up|given up|delivery (?:attempts?|failed) \d+ attempts|aborted after|undeliverable (?:for|after) \d+|queue\.expired|after (?:trying|retrying)|repeated attempts|stopped trying|expired (?:stuck|after)|unable to deliver.{0,40}(?:days|hours)",
        ),
    ),
    "network": (
        Category.NETWORK,
        (
            r"(?:connection|connect|operation|session|conversation|socket|network|lookup|response|read|write)(?: \w+){0,5} (?:timed out|timeout|time-?out|refused|reset|lost|dropped|closed|failed|broken|aborted|fail|interrupt|terminat|unreach)|no route to host|(?:host|network|server|destination|gateway)(?: \w+){0,3} (?:unreachable|is down|not respond|unavailable|did not respond|not (?:be )?(?:reached|contacted|reachable)|isn't respond|down)|could(?: not|n't)(?: \w+){0,4} (?:connect|contact|reach|establish|communicat)|(?:unable|failed|failure|not able) to (?:connect|contact|reach|establish|communicat|open)|no (?:gateway|route|path)|could not find a gateway|bad (?:smtp )?(?:connection|greeting)|broken pipe|winsock|socket error|(?:can't|cannot) (?:connect|contact|reach|create)|connect(?:ion)? (?:to|error|problem|died)|remote host closed|tls (?:handshake|negotiat|connect|error)|handshake|certificate|no answer|timed out",
        ),
    ),
    "system": (
        Category.SYSTEM,
        (
            r"(?:local|system|internal|server|software|service|program|operating system|script|command|disk|file|i/?o|database|ldap|lmtp|resource|mailer|processing|unexpected|temporary)(?: \w+){0,3} (?:error|failure|problem|failed|crash|unavailable|not available|died|exit|shortage|fault|exhaust|overload|not configured)|(?:insufficient|out of|not enough|lack of|low|no|inadequate)(?: \w+){0,2} (?:system |disk |storage |memory |space|resource|storage|disk|descriptors)|disk full|can(?:'t|not) (?:create|open|write|lock|append|execute|access|allocate|fork|save|store)|cannot (?:be )?(?:stored|written)|permission denied|no such file|read-?only|write error|(?:pipe|command) (?:died|failed|to \|)|exit (?:status|code)|executing|transaction (?:failed|aborted)|service (?:not available|unavailable|shut)|mail system|mailer (?:error|fault)|misconfigur|server (?:is )?(?:busy|overload|shut|down)|unable to (?:process|create|open|write|lock|execute|save|deliver local)|crashed|unsupported (?:mail )?dest|alias(?:es)? (?:expansion|loop|file)|undefined mailer|general (?:system )?fail|not (?:accepting|accept) (?:network )?messages|storedrv|stopped accepting|over ?load|maintenance|reserved",
        ),
    ),
    "protocol": (
        Category.PROTOCOL,
        (
            r"(?:command|syntax|protocol|sequence|parameter|argument|address|option)(?: \w+){0,3} (?:error|unrecogni[sz]ed|not (?:implemented|recogni[sz]ed|supported|allowed|permitted)|out of sequence|invalid|violation|incorrect|rejected|unknown)|(?:unknown|unrecogni[sz]ed|bad|invalid|unimplemented|unexpected|improper|unsupported) (?:\w+ )?(?:command|sequence|syntax|parameter|argument|option|reply|response)|need (?:mail|rcpt|helo|ehlo)|out of order|pipelin|smtputf8|8bitmime|(?:5xx|505|501|502|503|504)\b.{0,40}error|polite people|nested mail|in violation of",
        ),
    ),
    "transient": (
        Category.TRANSIENT,
        (
            r"gr[ae]y-?list|try (?:again|later|it)|temporar(?:y|ily)|transient|deferred|please retry|come back|\bbusy\b|postgrey|later\b",
        ),
    ),
}
