"""How servers speak, in English, of mailboxes and domains.

Regular expressions on plain wording (see `wording.py`): lower case, one line, `@` for an address, `link` for a URL.
"""

from __future__ import annotations

MAILBOXES: dict[str, tuple[str, ...]] = {
    "mailbox_full": (
        (
            r"(?:over|exceed(?:ed|s|ing)?|above|beyond|out of|reached|hit)(?: (?:its|his|her|their|the|your|user"
            r"|disk|storage|mailbox|mail|allotted|allowed|maximum|hard|soft|message))* ?(?:quota|storage limit"
            r"|storage space|storage capacity|mailbox size|mailbox limit|disk space)"
        ),
        r"over ?quota",
        r"quota (?:limit )?(?:has been |is |was |would be )?(?:exceed|full|violation|reached|overflow)",
        r"not enough (?:storage|free) ?space",
        r"insufficient (?:mailbox |user )?(?:storage|quota)",
        (
            r"(?:user|recipient|mailbox|account|address|addressee|person|email|e-mail|mail box|inbox|member"
            r"|alias)(?:'s)?(?: @)? (?:\S+ )?(?:is |has |was |appears |to |be |currently |temporarily |already"
            r" )*(?:full\b|too full|too large|overfull|over the limit|exceeded)"
        ),
        (
            r"(?:mailbox|mail box|inbox|maildir|mailfolder|mail folder|mail directory|mail drop|account) (?:has "
            r"|is )?(?:exceeded|overflow|full|over)"
        ),
        r"(?:exceed|exceeds|exceeded) (?:the |its )?(?:mailbox|mail box|storage|disk|quota|inbox)",
        r"full mailbox",
        r"maildir delivery failed: domaindiskquota",
        r"mailfolder is full",
        r"delivery would overfill",
        r"storage (?:limit|quota|allocation)",
        r"disk ?quota",
        r"diskquota",
        (
            r"(?:no|insufficient|not enough|out of)(?: \w+){0,2} (?:space|room|storage)(?: \w+){0,3} (?:for"
            r" (?:this )?user|in (?:the )?(?:user'?s? )?(?:mailbox|inbox)|for (?:the )?recipient)"
        ),
        r"too many messages in (?:the |this )?(?:mailbox|inbox)",
        r"not have enough (?:disk )?(?:space|storage)",
        r"(?:mail ?box|disk|storage) space (?:is )?not enough",
        r"(?:mailbox|mail box) exceeds (?:the )?(?:allowed|maximum|its)",
        r"too much mail (?:stored|in|data)",
        r"(?:automatically rejected:? )?not enough disk space",
    ),
    "mailbox_moved": (
        r"(?:user|recipient|mailbox|account|address|person|has|addressee)(?: \w+){0,4} (?:has |have )?moved",
        r"new (?:e-?mail )?address|address has changed",
        r"(?:changed|has changed) (?:his|her|their|its|the)? ?(?:e-?mail )?address",
        r"no forwarding address",
        r"recipient no longer on",
        r"please try @",
        r"user not local; please (?:forward|try)",
        r"replaced by @",
    ),
    "mailbox_disabled": (
        r"account is not allowed",
        r"(?:user|account|mailbox) (?:is )?locked (?:or suspended|out)|(?:user|account)(?: status)?(?: is)? locked",
        r"@ is (?:now |currently |an? )?(?:disabled|inactive|deactivated|suspended|closed|blocked|locked|expired)",
        (
            r"(?:user|recipient|mailbox|account|address|addressee|person|e-?mail (?:account|address)|mail box|inbox"
            r"|member|alias)(?:'s)?(?: \S+){0,4} (?:is |are |was |has |have |been |currently |now |no"
            r" longer |or )*(?:disabled|suspended|deactivated|inactive|closed|discontinued|deleted|terminated"
            r"|expired|frozen|retired|abandoned|dormant)"
        ),
        (
            r"(?:user|recipient|mailbox|account|e?mail account|address|e-?mail)(?: \S+){0,2} (?:is |has been |was"
            r" |are )*(?:not active|no longer (?:active|in use|in service|available|valid|accept|receiv|used|with"
            r"|employed|works|here|at)|not (?:currently )?(?:accepting|receiving|allowed to receive|enabled|in"
            r" service)|unavailable permanently|cancell?ed|out of service|not activated)"
        ),
        r"(?:user|mailbox|account)(?: \S+){0,2} (?:is |has been |was )+(?:blocked|locked)",
        r"(?:account|mailbox|address)(?: \S+){0,8} is not active",
        (
            r"(?:disabled|inactive|closed|suspended|deactivated|blocked|expired|frozen|locked|dormant|terminated|non-?active)"
            r" (?:user|mailbox|account|recipient)"
        ),
        (
            r"account (?:that you tried to reach )?(?:is )?(?:(?:disabled|deactivated|inactive|closed"
            r"|discontinued|deleted|terminated|expired|frozen|locked|retired|abandoned|dormant))"
        ),
        r"(?:customer|subscriber|client)(?: has)? (?:terminated|cancel\w+|left)|no longer subscribed to (?:our|this|the) service",
        r"not (?:an )?active (?:user|account|mailbox|address)",
        r"(?:user|recipient|mailbox|account|person|employee|@) (?:has |have )?(?:been removed|left (?:the |our |this )?(?:company|organi[sz]ation|firm|university|school|us\b))",
        (
            r"no longer (?:with|works|employed|an employee|a (?:valid )?(?:user|customer|address|mailbox|account"
            r"|email)|here|exists?\b.{0,20}mailbox)"
        ),
        r"boite du destinataire",
        r"mailbox (?:is )?(?:currently )?(?:unavailable|disabled) for (?:this )?(?:user|domain)",
        r"user(?:'s)? (?:account )?has (?:been )?(?:expired|cancelled|removed)",
        r"delivery to (?:the )?(?:following )?(?:address|mailbox|user) (?:is |has been )?(?:disabled|suspended)",
        r"inactivity",
    ),
    "mailbox_unknown": (
        r"does(?: not|n't) recogni[sz]e (?:the |this |that )?(?:recipient|user|address|mailbox)",
        (
            r"(?:user|recipient|mailbox|account|address|addressee|mail ?box|name|person|login|alias|userid|user"
            r" ?name|mail drop|e-?mail)(?: name| id| address| account| you)? ?(?:\(?@\)?|\"[^\"]{0,60}\""
            r"|\S+@)?[ :\-,.;]{0,4}(?:is |was |are |has |an? |\()*(?:unknown|not ?found|not (?:exist|known|valid"
            r"|recogni[sz]ed|listed|defined|a (?:known|valid|local)|registered|in (?:the |our |this )?(?:domain"
            r"|directory|database|system|list|local))|non-?exist|invalid|doesn?.?t exist|does ?n[o']t exist"
            r"|undefined|unrecogni[sz]ed|ambiguous|unresolvable)"
        ),
        (
            r"(?:unknown|no such|invalid|non-?exist\w*|nonexistent|bad|unrecogni[sz]ed|undefined|wrong|illegal"
            r"|incorrect|inexistent|unavailable) (?:local |virtual |destination |final |e-?mail |mail |to |smtp "
            r"|recipient |user |mailbox |or )*(?:user|recipient|mailbox|account|address|addressee|person|mail"
            r" ?box|alias|rcpt|name|local[ \-]?part|userid|login|member|customer|subscriber)(?!s? (?:quota"
            r"|domain))"
        ),
        (
            r"(?:user|recipient|mailbox|account|address|addressee|e-?mail|destination|mail ?box|name|person|that"
            r"|which|it|group|contact|alias)(?:s|\(s\)|es)?(?: \S+){0,12}? (?:does|do|did)(?: not|n't) (?:exist"
            r"|have (?:an? )?(?:account|mailbox|email)|appear to exist|match|belong)"
        ),
        (
            r"(?:e-?mail |recipient )?(?:address|user|recipient|mailbox|account|he|she)(?: \S+){0,5} (?:wasn't"
            r"|isn't|couldn't be|could not be|was not|cannot be|can't be|not|is not|were not) (?:found|known"
            r"|located|listed|recogni[sz]ed|valid|a valid|exist|identified|matched|an? (?:valid|known)|in (?:the"
            r"|our) (?:\w+ )?(?:directory|address book|database|list)|defined|registered)"
        ),
        (
            r"no (?:such |valid |matching |local )*(?:user|recipient|mailbox|account|address|addressee|person|one"
            r"|mail ?box|alias|local[ \-]part|match|entry|rcpt|local user|match(?:ing)? (?:record|entry"
            r"|user))(?:s|\(s\))?(?: \w+){0,2} (?:here|by that name|with that|found|exist|in |at |on |of that"
            r"|called|named|matching|for|known)"
        ),
        r"no such (?:user|mailbox|person|recipient|address|account|local|virtual|name|alias)",
        r"no mailbox",
        r"no mail ?box (?:here|by)",
        r"not? (?:a )?(?:valid|local|known) (?:user|mailbox|recipient|e-?mail|address|account|person)",
        r"no user\b(?! quota)",
        r"no account",
        r"isn't a (?:valid )?(?:user|mailbox|local)",
        r"there is no (?:user|mailbox|account|one|such|person)",
        r"unknown recipient",
        r"unknown user",
        r"user unknown",
        r"userunknown",
        r"unknownuser",
        r"recipient unknown",
        (
            r"not (?:found|listed|exist|present|known|registered) (?:in|on|at|by|with|to|here)(?: \w+){0,4}"
            r" (?:directory|address book|database|name server|system|server|table|domain|list|local|host|ldap"
            r"|here|domino|notes)"
        ),
        r"not (?:listed )?in (?:the )?(?:domino|lotus|public|company|public name|name & address)",
        r"not our (?:customer|user)",
        r"recipient ?not ?found",
        r"recipnotfound",
        r"resolver\.adr\.\w*(?:recip|exrecip|invalid|badprimary)\w*",
        r"nosuchuser",
        r"unrout(?:e)?able (?:mail )?(?:address|user)",
        r"undeliverable address",
        r"address (?:is )?undeliverable",
        r"address(?:es)? (?:look-?up )?(?:fail|unknown)",
        r"(?:aliased|aliases?) to (?:an? )?unknown",
        r"unknown local[ \-]part",
        r"(?:requested )?recipient (?:address )?(?:is )?(?:does not|not) (?:exist|known|valid|found|recogni|on)",
        r"recipient (?:was |is )?(?:not (?:known|found|on)|invalid)",
        r"all (?:the )?recipients? (?:were |are |address\w* )?invalid",
        r"local delivery failed: no such",
        r"can(?:'t|not) (?:find|locate|identify) (?:the )?(?:user|mailbox|recipient|address)",
        r"(?:user|recipient|mailbox|account|addressee) \S+ (?:is |was )?(?:unknown\b|not found|not known)",
        r"no such (?:mail ?drop|id)\b",
        r"(?:recipient|address|user|mailbox|account|e-?mail)(?: \S+){0,2} (?:no longer|not? any ?more) exists?",
        r"(?:does|do|did) ?(?:n[o']t|no|not) exists? (?:that|this|such) (?:user|address|mailbox|account)",
        r"(?:account|user|mailbox|address)(?: \S+){0,6} (?:does|do) no exists?",
        r"not (?:an? )?(?:user|member|customer|subscriber) of (?:this|the|our|that) (?:server|domain|system|host)|not (?:a )?member of domain",
        r"(?:nobody|no ?one) (?:here )?(?:by|with|of) (?:that|this) (?:name|address)",
        r"does not exist (?:at|on|in) (?:\S+\.\S+|this|our)|not one of our (?:customers|users)|no record of (?:that|this|the|any) (?:user|address|mailbox)",
        r"(?:user|person|recipient) is not here|does(?: not|n't) live here",
        r"not (?:a )?deliverable address|^(?:5\d\d )?unrout(?:e)?able\.?$",
        r"not handle (?:e-?)?mail for (?:that|this|the) (?:user|address|recipient|account)|n't handle (?:e-?)?mail for (?:that|this|the) (?:user|address)",
        r"(?:unable to|could ?n[o']t|could not|not able to) (?:find|locate|identify) (?:the |this |that |an? )?(?:\w+ )?(?:user|mailbox|recipient|account|alias)\b",
        r"user @ not ok|(?:address|user) lookup(?: \S+){0,4} failed",
        r"#5\.1\.0 address rejected",
        r"validrcptto",
        r"not in my (?:list of )?valid (?:recipients|users|addresses)",
        r"address is (?:wrong|incorrect|no longer valid)",
        r"invalid (?:final )?(?:delivery )?user ?id",
        r"@ (?:is )?(?:unknown|not known) (?:to|on|at|in|by) (?:this|our) (?:system|server|host|site|domain)",
        r"(?:unable-to-transfer|transfer-failure)[;,]? ?(?:invalid-recipient|unrecogni[sz]ed-or-name)",
        r"unknown address",
        r"address unknown",
        r"address error",
        r"user does not",
        r"does not have an? (?:\w+ ){0,3}account",
        r"not a (?:\w+ )?(?:user|subscriber|customer) ",
        r"doesn't have an? (?:\S+ ){0,2}(?:account|mailbox)",
        r"bad destination (?:mailbox|address)",
        r"rejected: @?:? ?(?:user (?:unknown|not|does|is not)|no such)",
        r"delivery to (?:this|that) address is not possible",
        r"(?:wasn't|was not) found at\b",
        r"mailbox not (?:available|local)",
        r"not delivered to nonexistent",
        r"permanently (?:removed|deleted)",
        r"non[ \-]?existing",
    ),
    "mailbox_unavailable": (
        r"(?:mailbox|recipient|user|account) (?:\(?@\)? )?(?:is )?(?:unavailable|not available)",
        r"mailbox name not allowed|addresserror",
        r"recipient(?: \S+){0,2} (?:can ?not|can't|could not|couldn't) be verified",
        (
            r"(?:recipient|destination) (?:e-?mail )?(?:address )?(?:was |is |has been )?(?:rejected"
            r"|refused)(?:[:.]?)(?: access denied)?\.?(?: ?\(in reply to .{0,20}rcpt.{0,40})?$"
        ),
        r"^(?:\d{3} )?(?:@:? ?)?(?:recipient|address) (?:address )?rejected[.: ]*$",
        r"invalid address",
        r"all recipients (?:were |have been )?(?:rejected|refused)",
        r"^5\d\d (?:5\.\d\.\d )?@:? rejected$",
        r"^(?:5\d\d )?(?:#?5\.1\.[01] )?(?:recipient|address) (?:address )?(?:rejected|refused)\.?$",
        r"not (?:be )?deliver\w* to (?:a |the )?(?:recipient|address).{0,40}(?:invalid|unknown|incorrect)",
        r"address(?:es)? (?:does|do)(?:n't| not)",
        r"check (?:if |that |whether )?(?:the )?(?:e-?mail )?address (?:is|for|and)",
        r"mistyped",
        r"misspell?ed",
        r"typing error",
        r"delivery to the following recipients? failed permanently because the (?:e-?mail )?address",
    ),
    "filtered": (
        r"domain[ \-]filter",
        r"recipient(?: \w+){0,3} (?:filter|does not wish|has (?:blocked|refused))",
        r"user (?:reject|refuse)s? (?:your|this|the)",
        r"filter(?:ed)? by (?:the )?recipient",
        r"refused (?:by|to accept).{0,20}(?:recipient|user)",
    ),
    "domain_no_mail": (
        r"no mail hosts? for|indicated no smtp service|accepts no (?:e-?)?mail",
        r"null ?mx",
        r"(?:^|[ :])[a-z0-9][\w.\-]{0,250}\.[a-z]{2,24} (?:does not|doesn't) exist",
        (
            r"(?:domain|host)(?: \S+){0,3} (?:does not|doesn't|do not|never) (?:accept|receive|want|handle)s?(?:"
            r" \w+){0,2} (?:mail|email|e-mail|messages)"
        ),
        r"does not receive (?:e-?)?mail",
        r"no ?mail ?(?:host|server) (?:for|exists)",
        r"mx host (?:of|for)(?: \S+){0,3} (?:not|does)",
    ),
    "domain": (
        (
            r"(?:host|domain|hostname|host name|domain name|recipient domain|destination (?:domain|host|server)"
            r"|site|node|fqdn)(?: name)? ?(?:@|\S+\.\S+|\"\S+\")? ?[:\-,.]? ?(?:\(?(?:is |was |has |could |cannot"
            r" |can |can't |couldn't |are |be )*)(?:unknown|not ?found|not (?:exist|be (?:found|resolved|located)"
            r"|known|valid|resolve|registered)|non-?exist|invalid|does ?n[o']t exist|unresolvable|does not"
            r" resolve|unroutable|unreachable by dns|no longer exist|expired)"
        ),
        (
            r"(?:unknown|no such|invalid|non-?existent|bad|unresolvable|illegal|unrouteable|unroutable|wrong)"
            r" (?:recipient |destination |mail |remote |fully )*(?:host|domain|hostname|site|node)(?:name)?"
        ),
        r"nxdomain",
        r"domain (?:does|do) ?n(?:o|')t exist",
        r"couldn't find any host",
        (
            r"(?:can't|cannot|could not|unable to|couldn't|failed to|unsuccessful)(?: \w+){0,2} (?:find|resolve"
            r"|locate|look ?up)(?: \w+){0,3} (?:host|domain|hostname|mx|route|mail (?:exchanger|server))"
        ),
        r"all relevant mx records point to non-?existent|host address lookups failed permanently",
        (
            r"(?:no|non-?existent|missing|without)(?: \w+){0,2} (?:mx|dns)(?: (?:a|and|or|record"
            r"|records|entry|entries))* ?(?:records?|found|exists?|hosts?|entr)"
        ),
        r"no (?:\w+ ){0,2}mail exchanger",
        r"mx (?:record|lookup)s?(?: \w+){0,3} (?:not|no|fail|does|found)",
        r"host found but no data",
        r"no (?:data|address) (?:record|associated)",
        r"name or service not known",
        r"domain (?:\S+ )?couldn't be found",
        r"(?:domain|host)(?: \S+){0,8} couldn't be found",
        r"(?:couldn't|could not|cannot) be (?:found|resolved)",
        r"addr(?:ess)? (?:family )?not supported.{0,20}host",
        r"name service error.{0,80}host(?: or domain)? (?:name )?not found",
        r"unrouteable mail domain",
        r"domain (?:was |is )?not found",
        r"dns error: .{0,60}(?:not found|nxdomain|domain name)",
        r"bad host",
        r"server (?:does not exist|unknown)",
        r"no route for (?:the )?domain",
    ),
    "malformed": (
        r"malformed (?:recipient )?address",
        r"(?:address|mailbox|recipient) (?:syntax|format)",
        r"syntax error in (?:the )?(?:parameters|address)",
        r"syntactically (?:invalid|incorrect)(?! (?:ehlo|helo))",
        r"incorrectly constructed",
        r"unqualified address",
        r"may not follow @",
    ),
}
