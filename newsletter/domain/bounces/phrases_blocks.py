"""How servers say, in English, that they refuse us and not the recipient.

Regular expressions on plain wording (see `wording.py`): lower case, one line, `@` for an address, `link` for a URL.
"""

from __future__ import annotations

BLOCKS: dict[str, tuple[str, ...]] = {
    "sender": (
        r"invalid return address",
        r"(?<!turned to )sender (?:user|account)",
        r"only accepts? (?:mail|e-?mails?|messages?)(?: \w+){0,2} from",
        r"(?:refus|reject|block)(?:s|es|ing|ed)? (?:all )?(?:e-?mails?|mail|messages?) from",
        r"failed while verifying sender",
        r"outgoing (?:e?mails? )?(?:is |was |has been )?blocked",
        r"(?:not |n't )?(?:in|on) (?:my|our|the|a|his|her) white ?list",
        r"verified sender",
        r"backscatter|\bbatv\b|\bprvs\b",
        r"restricted (?:access|delivery|mail)(?: \w+){0,2} (?:to|from)",
        r"invalid address \(sender\)",
        (
            r"(?:bad|invalid|unknown|illegal|malformed|unverified|unauthori[sz]ed|forged|blocked|null)"
            r" (?:envelope )?sender\b"
        ),
        (
            r"(?<!turned to )sender(?:'s)?(?: (?:e?mail|address|domain|host|envelope|@|<>))*[: ](?: ?(?:is|was|has been|has"
            r"|could|does|can) )?(?:not |un|in)?(?:be )?(?:verif|reject|denied|refus|block|ban|unknown|invalid"
            r"|resolv|not? |accept|allow|listed|blacklist|mismatch|permi|must|no such|without|syntax|on the)"
        ),
        r"sender (?:verify|verification|callout|callback|id|address verification)",
        r"verif(?:y|ication) (?:of )?(?:the )?(?:return|sender|envelope|from)",
        r"(?:domain|host) of (?:the )?sender",
        r"sender'?s? domain",
        r"sending domain",
        r"from domain",
        r"mail from domain",
        r"return[ \-]path",
        r"reverse[ \-]path",
        r"from (?:address|header|field|:)",
        (
            r"(?:denied|rejected|refused|blocked|banned)(?: \w+){0,3} (?:by |from |for |due to )?(?:the |this "
            r"|your )?sender"
        ),
        (
            r"you(?:'re| are)? (?:not )?(?:(?:permitted|allowed|authori[sz]ed)(?: to)? (?:send|post|mail|submit)"
            r"|on (?:the|our|my) (?:black|block|deny))"
        ),
        r"not (?:a )?member\b(?! of (?:this |the |our )?(?:domain|server))",
        r"only (?:members|subscribers)",
        r"not (?:have )?permission to (?:post|send)",
        r"non-?members?\b",
        r"members.only",
        r"restricted (?:sender|to (?:members|authenticated))",
        r"not (?:able|permitted) to post",
        r"needs? to be in the (?:list|group)",
        (
            r"(?:don't|do not|does not|doesn't) (?:accept|want)(?: \w+){0,3} (?:mail|email|messages) from (?:you"
            r"|your|this|that|the sender)"
        ),
        (
            r"(?:mail|email|messages) from (?:@|<>|this|your|that)(?: \w+){0,3} (?:is |are |was |were |has been "
            r"|not |will )*(?:reject|refus|denied|block|accept|allow|ban|permit)"
        ),
        r"rcpt_?(?:to )?restrict",
        r"resolver\.rst\.(?:not)?auth",
        r"restrictedtorecipients",
        r"requires that (?:all )?senders",
        r"access denied: sender",
        r"user_?not_?in_?whitelist",
        r"whitelist",
        r"\bthe sender (?:is|was|has)",
        r"authenticat(?:ed|ion) (?:senders?|required)",
        r"sender not authenticated",
        r"delivery not authorized",
        r"(?:may not|cannot|can't|not allowed to) send (?:mail |e-?mail |messages )?(?:here|to this)",
        r"no (?:e-?)?mail from you\b",
        r"required for sender|(?:external|unknown|outside|anonymous) senders",
        r"possible forgery|deactivated due to abuse|badmailfrom",
        r"delivery (?:to (?:this|that) address )?is restricted|only allows (?:mail|messages|e-?mails?) from|allowed[ -]senders",
        r"from:? ?domain must (?:resolve|exist)",
        r"mail ?from\b.{0,60} mismatch|header from\b.{0,40} mismatch",
        (
            r"(?:sending|outgoing|outbound|submission)(?: \S+){0,5} (?:is |are |has been |have been )?(?:disabled"
            r"|suspended|blocked|not allowed|prohibited)"
        ),
        r"not authori[sz]ed to send",
    ),
    "reverse_dns": (
        r"has no (?:dns|host) ?name",
        r"unresolvable (?:relay|client|sending) host",
        r"helo name",
        r"your host ?name",
        r"(?:host|name|address) for your ip",
        r"unauthori[sz]ed mail ?server",
        r"dynamic\S{0,20} ip",
        r"dynamic-ip|dial-?up",
        r"reverse[ \-](?:dns|lookup|hostname|mapping|resolution|name|record|address|host|ip)",
        r"\brdns\b",
        r"\bptr\b",
        r"\bfcrdns\b",
        r"generic (?:reverse|hostname|dns)",
        r"dynamic (?:ip|host|address|hostname|pool|dns)",
        r"cannot (?:find|resolve) your (?:hostname|reverse|address|domain|ip)",
        r"ip (?:name|address)? ?(?:lookup|reverse) fail",
        r"(?:no|without|missing|bad|invalid)(?: \w+){0,2} (?:ptr|reverse)",
        r"unverifiable (?:sending )?ips?",
        r"(?:helo|ehlo)(?: \w+){0,5} (?:reject|invalid|mismatch|resolve|not|bad|denied|forg)",
        r"(?:invalid|bad|forged|reject\w*|fake) (?:helo|ehlo)",
        r"does not resolve to (?:the |your )?(?:ip|address)",
        (
            r"(?:your|client|connecting|sending)(?: \w+){0,2} (?:ip|host|hostname|address)(?: \w+){0,4} (?:does"
            r" not|doesn't|could not|cannot|not) (?:be )?(?:resolv|match|have a (?:host)?name|have (?:a"
            r" )?(?:valid )?dns)"
        ),
        r"client host rejected: cannot find",
        r"no hostname for",
        r"host ?name lookup for",
        r"domain name (?:mismatch|of your)",
        r"fix your dns",
    ),
    "auth": (
        r"authentication is required",
        r"\bauth(?:entication)? fail",
        r"spoof",
        r"\bspf\b",
        r"\bdkim\b",
        r"\bdmarc\b",
        r"\barc (?:fail|valid)",
        r"\bsender id\b",
        r"sender policy framework",
        r"domainkeys",
        r"unauthenticated (?:e?mail|message|sender)",
        r"fail(?:s|ed|ing)?(?: \w+){0,2} authentication",
        r"purported responsible",
        r"address is not verified",
        r"identities failed",
        r"authentication (?:checks?|results?|information|policy|failed|failure|credentials)",
        r"not authenticated",
        r"starttls (?:first|is required)",
        r"must issue a starttls",
        r"(?:tls|encryption|ssl) (?:is )?(?:required|needed|not)",
        r"encryption (?:too|need)",
        r"smtp auth",
    ),
    "reputation": (
        r"access to (?:this|submit|the|our)(?: \S+){0,8} (?:rejected|denied|blocked)",
        r"too many (?:complaints|bounces)",
        r"no access for this (?:ip|domain|host|user)",
        r"(?:access|mail|connections?) from your (?:location|country|region)",
        r"(?:is|are) (?:currently )?listed (?:on|at|by|in) (?:link|\S+\.\S+)",
        r"bounce attacks?",
        r"(?:number of|too many|excessive) (?:invalid|unknown|bad|non-?existent) (?:recipients|users|addresses)",
        r"unusual rate of unsolicited mail",
        r"open relay",
        r"zombie|botnet",
        r"host rejected\b(?!: cannot)",
        r"not allowed to send (?:e?mails? |messages? )?from",
        r"blocklist-link",
        r"not (?:allowed|permitted|authori[sz]ed) to connect",
        r"spamhaus",
        r"spamcop",
        r"barracuda ?(?:central|networks|reputation)",
        r"sorbs",
        r"\bsurbl\b",
        r"\buribl\b",
        r"\b(?:rbl|dnsbl|xbl|sbl|pbl|cbl|dnswl|rhsbl|drbl)\b",
        r"njabl",
        r"abuseat",
        r"senderbase",
        r"senderscore",
        r"uceprotect",
        r"manitu",
        r"backscatterer",
        r"invaluement",
        r"mailspike",
        r"cloudmark",
        r"(?:block|black|deny|drop|bad|ban|reject)[ \-]?list",
        r"reputation",
        r"\bblocked using\b",
        r"\bbanned\b",
        (
            r"(?:ip|host|address|server|network|domain)(?: \w+){0,4} (?:is |are |was |has been |been |currently "
            r"|temporarily )+(?:black|block|list(?:ed)? (?:in|on|at|by)|deny|denied|reject|ban|refus|restrict"
            r"|suspicious)"
        ),
        (
            r"(?:block|reject|refus|restrict|ban|deni|den(?:y|ied)|filter)(?:ed|ing|s)?(?: \w+){0,3} (?:your"
            r"|sending|source|client|sender|originating|connecting|from) (?:\w+ )?(?:ip|ip address|ips|host"
            r"|client|server|network|domain|connection|message|mail|e-?mail|sender|isp|messages|mails|mta)\b"
        ),
        (
            r"(?:your|sending|source|client|sender|remote|connecting|originating)(?: \w+){0,2} (?:ip|host|ips"
            r"|network|server|mailserver|mta)(?: address)?(?! (?:has |have )?rejected)(?: \S+){0,3}"
            r" (?:is|was|has|not|may|are|have|does)? ?(?:been |not )?(?:block|black|list|reject|refus|ban|deni|restrict|flag|accept|allow|permit)"
        ),
        (
            r"connection(?:s)? (?:from )?(?:\S+ )?(?:was |is |has been |have been |are )?(?:refused by policy"
            r"|rejected|denied|not accepted|blocked|not allowed)"
        ),
        r"(?:access|connect(?:ion)?|permission|service) denied(?: \S+){0,3} (?:ip|client|host|address)",
        r"client host(?: \S+)? (?:rejected|blocked)",
        r"no access from",
        r"refus\w* connection",
        r"not accept(?:ing)? (?:mail|connections|email) from",
        (
            r"(?:block|refus|reject)\w* (?:due to|because of|for|by)(?: \w+){0,3} (?:spam|abuse|complaint"
            r"|reputation|blacklist|attack)"
        ),
        r"user complaints",
        r"abus(?:e|ive) (?:from|of|at|by|detected|activity|report)",
        r"bad (?:ip|senders?) ",
        r"poor (?:ip|sender)",
        r"suspicious (?:ip|activity|connection|host)",
        r"dictionary attack",
        r"directory harvest",
        r"\btss(?:09|11)\b",
        r"\bs3150\b",
        r"\bs3140\b",
        r"\bs775\b",
        r"permanently deferred",
        r"\bbl[0-9]{3,6}\b",
        r"\bcs01\b",
        r"daily relay quota",
        r"not a (?:valid|permitted) (?:mail )?(?:host|server|mx)",
        r"messages? from (?:\d{1,3}\.){3}\d{1,3}",
        r"\[?(?:\d{1,3}\.){3}\d{1,3}\]? (?:is |was |has been |not )*(?:block|list|ban|reject|refus|deni|allow)",
        r"(?<!indicated )no smtp service",
        r"\(bl\)",
        r"\bip=\d",
        r"(?:don't|do not) accept (?:mail|email|connections)",
        r"we do not accept",
        r"mail server (?:is )?(?:blocked|blacklisted)",
        r"your isp",
    ),
    "blocked": (
        r"\bblocked\b",
        r"\baup#",
    ),
    # Terse servers name who is refused and nothing else.
    "sender_loosely": (
        (
            r"\b(?:fake|forged|black|invalid|illegal|bad|null|spoofed|denied|banned) (?:\w+ ){0,1}(?:ip|sender"
            r"|mail from|mailfrom|helo|rout\w+|mail address)\b"
        ),
        (
            r"\b(?:ip|helo|ehlo|helohost|sender|mail ?from|smtpport|openrelay|rbl|private list)\b(?: \S+){0,3}"
            r" (?:den(?:y|ied|ies)|reject\w*|refus\w*|invalid|unvalidated|hangup|error|fail\w*|mismatch\w*|black)"
        ),
        r"from your (?:ip|network|host|server|domain)\b",
        r"\b(?:host|server) (?:denies|rejects|refuses)",
        r"local users? only|no smtp mx only",
        r"callout verification failure",
    ),
    "virus": (
        r"\bvirus(?:es)?\b",
        r"\bmalware\b",
        r"\btrojan\b",
        r"\bworm\b",
        r"infected",
        r"malicious (?:content|code|file|attachment|url|link)",
        r"phish",
        r"\bclamav\b",
        r"eicar",
        r"rejected due to security polic",
    ),
    "spam": (
        r"(?:^|[^\w\-])(?:spam|uce|ube|junk|bulk ?mail|unsolicited)\b",
        r"spam(?:assassin|my|signature|content|score|mail|ming)",
        r"mcspam",
        r"anti-?spam",
        r"\bdt:s[pu]m\b",
        r"permanently rejected message",
        r"looks like spam",
        r"spam-?like",
        r"advertis",
        r"high probability of",
        r"likely (?:suspicious|unsolicited)",
    ),
    "content": (
        r"null? (?:bytes|char)",
        r"without (?:a )?(?:subject|from|date|message-id)",
        r"header (?:line|field)s? (?:is |are )?too long",
        (
            r"(?:illegal|forbidden|prohibited|banned|dangerous|blocked|executable|restricted|unwanted|encrypted"
            r"|bad|disallowed) (?:\w+ )?(?:attachment|file|content|extension|mime)"
        ),
        (
            r"attachment(?:s)?(?: \w+){0,5} (?:not (?:allowed|permitted|accepted)|prohibited|forbidden|blocked"
            r"|removed|reject)"
        ),
        r"(?:message|mail|e-?mail|its|body|header|subject|text|objectionable|prohibited|inappropriate) content",
        r"content (?:reject|filter|scan|block|check|polic|restrict|not|violat|match|denied|is )",
        r"password[- ]protected",
        r"content[ -]type|header error|header (?:from |date |to )?(?:is )?missing",
        r"mime\W{1,2}reject|mime error",
        r"(?:comply|compliant|compliance) with",
        r"conversion (?:required|not|fail|with loss)",
        r"not (?:rfc ?\d+|rfc) compliant",
        r"rfc ?\d{3,4} (?:compliant|violation)",
        r"headers? (?:are )?(?:too (?:large|big|long|many)|error|check|missing|violation|invalid|malformed)",
        (
            r"(?:missing|invalid|malformed|bad|multiple|duplicate|improper|no)(?: \w+){0,2} (?:header|from:|date:"
            r"|to:|message-id|subject|mime)"
        ),
        r"8-?bit (?:mime|characters|data|header)",
        r"bare (?:lf|newline|cr)",
        r"mime (?:error|parse|boundary)",
        r"improper use of",
        r"message (?:was |has been |is )?(?:filtered|quarantined|identified|classified|flagged|blocked|caught)",
        r"(?:score|points|hits)(?: \w+){0,3} (?:exceed|over|above|too)",
        r"blocked by (?:\w+ )?(?:filter|rule)",
        r"(?:contain|contains|contained|containing) (?:a |an |the )?(?:url|link|banned|blocked|suspicious|word)",
        r"potential security",
        r"unacceptable",
    ),
    "relay": (
        (
            r"relay(?:ing)?(?: [\w@]+){0,4} (?:denied|not (?:permitted|allowed|possible)|prohibited|refused"
            r"|disallowed|disabled|reject|block|unauthori[sz]ed|restricted|not)"
        ),
        (
            r"(?:not|unable to|cannot|can't|won't|don't|no|do not|refus\w*|unauthori[sz]ed|illegal|attempt\w* to)"
            r" (?:\w+ ){0,4}relay"
        ),
        r"not (?:a |an )?(?:open )?relay",
        r"relay(?:ing)? (?:access|attempt|mail)",
        r"(?:n't|not) (?:allowed|permitted|authori[sz]ed) to (?:\w+ )?relay",
        r"rcpthosts",
        r"not (?:in )?(?:my|our) (?:list of )?(?:allowed|permitted) (?:rcpthosts|domains)",
        r"not a gateway",
        r"rely is prohibited",
        r"we do not (?:relay|serve)",
        r"insecure mail relay",
        r"send mail from here",
        r"domain (?:isn't|is not) (?:in|allowed)",
        r"pop[ \-]before[ \-]smtp",
        r"check.?(?:your )?mail first",
        (
            r"(?:must|need to|please|to) (?:\w+ )?(?:authenticate|log ?in|check (?:for new )?mail)(?: \w+){0,3}"
            r" (?:before|first|to send|in order)"
        ),
        r"mail server requires authentication",
    ),
    "policy": (
        r"will not accept delivery",
        r"bounced by administrator",
        r"refused by \w+, rule",
        r"rejected by (?:the )?destination domain",
        (
            r"(?:policy|policies|local|security|site|administrative|company|organi[sz]ation\w*)(?: \w+){0,2}"
            r" (?:reason|violation|violat|restrict|reject|rule|prohibit|block|refus|filter|block)"
        ),
        r"(?:due to|violat\w*|against|because of|by|per|for|with|our|to)(?: \w+){0,4} polic(?:y|ies)",
        r"polic(?:y|ies) (?:reject|violat|block|prohibit|restrict|reason|denied|enforce)",
        r"(?:administrative|administratively) (?:prohibit|denied|block|lock|refus|deny|restrict)",
        r"blocked by (?:administrator|admin|policy|mimecast|proofpoint|ironport|barracuda|our|the|security|organi)",
        r"rejected by (?:an? )?(?:\w+ )?(?:policy|rule|filter|header|anti|content|system|administrator|gateway)",
        r"prohibited by",
        r"not accepted for policy",
        r"transport ?rules?",
        r"resolver\.rst\.",
        r"deny (?:from|by)",
        r"security (?:issue|reason|polic|violation|restrict|rule|setting)",
        (
            r"(?:message|mail|e-?mail) (?:has been |was |is )?(?:rejected|refused|blocked|denied)(?: \w+){0,2}"
            r" (?:(?:because|due|for|by)(?: \w+){0,4} (?:rule|filter|gateway|admin|policy)|by (?:the )?recipient)"
        ),
        r"message (?:rejected|refused|denied|blocked) by",
        r"unacceptable mail",
        r"mail not accepted",
    ),
}
