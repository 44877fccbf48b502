"""The families in the other languages that are written in Latin letters; accents are gone in plain wording."""

from __future__ import annotations

GERMAN: dict[str, tuple[str, ...]] = {
    "reputation": (
        r"ip-?adresse(?: \S+){0,4} (?:gesperrt|blockiert|abgelehnt|gelistet)",
        r"sperrliste|schwarze liste",
    ),
    "spam": (
        r"(?:als|wegen) spam",
        r"unerwunschte (?:werbung|e-?mail|nachricht)",
    ),
    "mailbox_full": (
        (
            r"(?:postfach|mailbox|briefkasten|konto|speicher\w*)(?: \S+){0,4} (?:ist )?(?:voll|ueberfullt"
            r"|uberfullt|erschopft)"
        ),
        r"(?:kontingent|quota|speicherplatz)(?: \S+){0,4} (?:uberschritten|erschopft|ausgeschopft)",
        r"nicht genugend (?:speicher|platz)",
    ),
    "message_size": (
        r"(?:nachricht|mail|anhang)(?: \S+){0,4} zu gross",
        r"(?:maximal|zulassig)\w* (?:nachrichten)?gross\w*",
    ),
    "mailbox_disabled": (
        (
            r"(?:konto|postfach|mailbox|benutzer|empfanger|adressat|account)(?: \S+){0,4} (?:deaktiviert|gesperrt|geschlossen"
            r"|geloscht|inaktiv|stillgelegt)"
        ),
        r"nicht mehr (?:aktiv|gultig|in betrieb|erreichbar|verfugbar)",
    ),
    "mailbox_unknown": (
        (
            r"(?:empfanger|adressat|benutzer|adresse|postfach|mailbox|account|e-?mail-?adresse|konto|nutzer)\w*(?: \S+){0,10}"
            r" (?:existiert nicht|nicht gefunden|nicht erkannt|unbekannt|ungultig|nicht vorhanden|nicht bekannt|gibt es nicht)"
        ),
        r"(?:unbekannt|ungultig|falsch)\w* (?:empfanger|benutzer|adresse|e-?mail|nutzer)",
        (
            r"(?:empfanger|benutzer|adresse|postfach)\w*(?: \S+){0,5} (?:wurde|konnte|ist|wurden)(?: \S+){0,6}"
            r" nicht (?:gefunden|bekannt|gultig)"
        ),
        r"kein(?:en)? (?:solche[rsn]? )?(?:benutzer|empfanger|postfach|konto|account)",
    ),
    "domain": (r"(?:domain|domane|server|host)(?: \S+){0,4} (?:existiert nicht|nicht gefunden|unbekannt|ungultig)",),
    "sender": (
        r"absender\w*(?: \S+){0,5} (?:abgelehnt|gesperrt|unbekannt|ungultig|nicht)",
        r"nicht berechtigt",
    ),
    "policy": (
        r"(?:richtlinie|regel)\w*(?: \S+){0,3} (?:abgelehnt|verletz|verboten)",
        r"aus sicherheitsgrunden",
    ),
    "expired": (r"(?:zeituberschreitung|zeitlimit|abgelaufen|aufgegeben|nicht innerhalb)",),
    "network": (
        r"verbindung(?: \S+){0,4} (?:fehlgeschlagen|abgelehnt|unterbrochen|nicht)",
        r"nicht erreichbar",
    ),
    "transient": (
        r"vorubergehend",
        r"spater (?:erneut|noch einmal|wieder)",
        r"zeitweise",
    ),
}

FRENCH: dict[str, tuple[str, ...]] = {
    "mailbox_full": (
        r"(?:boite|messagerie|bal|compte)(?: \S+){0,6} (?:est )?(?:pleine?|saturee?|surcharg\w*)",
        r"(?:quota|espace)(?: \S+){0,4} (?:depasse|atteint|insuffisant|sature)\w*",
        r"depasse(?: \S+){0,3} quota",
    ),
    "message_size": (r"(?:message|taille|piece)(?: \S+){0,5} (?:trop (?:gros|volumineux|grand|long)|depasse)\w*",),
    "mailbox_disabled": (
        (
            r"(?:compte|boite|adresse|messagerie)(?: \S+){0,5} (?:desactive|ferme|suspendu|bloque|inactif"
            r"|inactive|supprime|resilie|cloture|expire)\w*"
        ),
        r"n'est plus (?:active?|valide|utilisee?|en service)",
    ),
    "mailbox_unknown": (
        (
            r"(?:adresse|destinataire|utilisateur|compte|boite|usager)s?(?: \S+){0,7} (?:n'existe|inexistante?"
            r"|inconnue?|invalide|introuvable|incorrecte?|erronee?|non trouvee?|pas valide|n'a pas ete trouve)\w*"
        ),
        r"(?:inconnue?|invalide)(?: \S+){0,2} (?:adresse|destinataire|utilisateur)",
        r"(?:pas|aucun)(?: \S+){0,3} (?:utilisateur|compte|destinataire|boite)(?: \S+){0,3} (?:ce nom|trouve)",
    ),
    "domain": (r"(?:domaine|serveur|hote)(?: \S+){0,5} (?:n'existe|inexistant|introuvable|inconnu|invalide)",),
    "reputation": (
        r"(?:ip|adresse ip|serveur)(?: \S+){0,4} (?:bloque|blackliste|liste noire|refuse)\w*",
        r"trop de spam",
        r"plaintes",
    ),
    "spam": (r"(?:pourriel|indesirable|mail rejete|message rejete)",),
    "sender": (
        r"(?:expediteur|emetteur)(?: \S+){0,5} (?:refuse|rejete|bloque|inconnu|invalide|interdit|non)",
        r"autorisations? (?:necessaire|requise)",
        r"pas autorise\w* a",
    ),
    "throttle": (r"trop de (?:connexions|messages|mails|requetes|destinataires)",),
    "expired": (r"delai(?: \S+){0,4} (?:depasse|expire)",),
    "network": (r"connexion(?: \S+){0,4} (?:refusee|impossible|interrompue|echou)",),
    "transient": (
        r"temporaire",
        r"reessayer",
        r"ulterieurement",
        r"plus tard",
    ),
}

SPANISH_PORTUGUESE: dict[str, tuple[str, ...]] = {
    "mailbox_full": (
        (
            r"(?:buzon|casilla|cuenta|bandeja|caixa(?: postal| de correio| de entrada)?|conta|mailbox)(?:"
            r" \S+){0,6} (?:esta )?(?:llen[oa]|cheia|lotad[oa]|satura\w*|sin espacio|sem espaco)"
        ),
        (
            r"(?:cuota|quota|espacio|espaco)(?: \S+){0,4} (?:excedid|superad|agotad|esgotad|insuficiente"
            r"|ultrapassad)\w*"
        ),
        (
            r"(?:excedi\w*|superad\w*|ultrapass\w*|excede\w*)(?: \S+){0,4} (?:cuota|quota|limite de almacen"
            r"|limite de armazen|espacio|espaco)"
        ),
    ),
    "message_size": (
        (
            r"(?:mensaje|mensagem|correo|tamano|tamanho)(?: \S+){0,5} (?:demasiado|muito|excede|supera|maior que"
            r"|grande)"
        ),
    ),
    "mailbox_disabled": (
        (
            r"(?:cuenta|buzon|casilla|usuario|conta|caixa|direccion|endereco)(?: \S+){0,5} (?:desactivad|expirad|deshabilitad"
            r"|suspendid|cerrad|bloquead|cancelad|inactiv|desativad|desabilitad|encerrad|inativ|eliminad)\w*"
        ),
    ),
    "mailbox_unknown": (
        (
            r"(?:usuario|destinatario|direccion|cuenta|buzon|endereco|conta|caixa)\w*(?: \S+){0,7} (?:no"
            r" (?:existe|encontrad|valid|se encuentr|se encontro|se ha encontrado|fue encontrad|es valid|conocid)|nao"
            r" (?:existe|encontrad|foi encontrad|e valid|localizad)|inexistente|desconocid|desconhecid|invalid"
            r"|inval\w+|incorrect)\w*"
        ),
        r"(?:no|nao) existe(?: \S+){0,4} (?:usuario|cuenta|buzon|direccion|destinatario|conta|endereco|caixa)",
        (
            r"(?:no se (?:ha )?(?:encontr|pudo encontrar)|nao foi possivel (?:encontrar|localizar))\w*(?:"
            r" \S+){0,4} (?:direccion|usuario|cuenta|destinatario|endereco|conta)"
        ),
        r"(?:usuario|destinatario) (?:desconocido|desconhecido|inexistente|invalido)",
    ),
    "domain": (
        (
            r"(?:dominio|servidor)(?: \S+){0,5} (?:no (?:existe|encontrado|se encuentra)|nao (?:existe"
            r"|encontrado)|inexistente|desconocido|desconhecido|invalido)"
        ),
    ),
    "sender": (
        r"remitente(?: \S+){0,5} (?:rechazad|bloquead|invalid|desconocid|no )\w*",
        r"remetente(?: \S+){0,5} (?:rejeitad|bloquead|invalid|desconhecid|nao)\w*",
        r"(?:no tienes?|sin|nao tem|sem)(?: \S+){0,3} (?:permiso|permissao|permissoes)",
    ),
    "spam": (
        r"correo no deseado",
        r"mensaje no deseado",
        r"lixo eletronico",
        r"rechazado por (?:spam|contenido)",
    ),
    "policy": (r"(?:politica|directiva)s?(?: \S+){0,3} (?:de )?(?:seguridad|seguranca|rechaz|local)",),
    "reputation": (r"(?:lista negra|listas negras|ip (?:\S+ ){0,3}bloquead)",),
    "expired": (
        r"tiempo(?: \S+){0,4} (?:agotado|expirado|excedido)",
        r"tempo(?: \S+){0,4} (?:esgotado|expirado|excedido)",
    ),
    "network": (r"conexi?[oa]\w*(?: \S+){0,4} (?:rechazad|recusad|perdid|fallid|falhou)\w*",),
    "transient": (
        r"temporalmente",
        r"temporariamente",
        r"mas tarde",
        r"mais tarde",
        r"intentelo de nuevo",
        r"tente novamente",
    ),
}

ITALIAN: dict[str, tuple[str, ...]] = {
    "mailbox_full": (
        r"(?:casella|mailbox)(?: \S+){0,6} (?:e )?(?:piena|satura|esaurit\w+)",
        r"(?:spazio|quota)(?: \S+){0,4} (?:esaurit|superat|insufficient)\w*",
    ),
    "message_size": (r"messaggio(?: \S+){0,5} (?:troppo grande|supera|eccede)",),
    "mailbox_disabled": (
        (
            r"(?:casella|account|utente|indirizzo)(?: \S+){0,5} (?:disabilitat|disattivat|sospes|chius|bloccat"
            r"|inattiv|scadut)\w*"
        ),
    ),
    "mailbox_unknown": (
        (
            r"(?:utente|destin\w*\.?|indirizzo|casella|account)(?: \S+){0,6} (?:non (?:esiste|trovat|valid"
            r"|conosciut|e stat|riconosciut)|sconosciut|inesistente|errat)\w*"
        ),
        r"(?:non esiste|sconosciut\w*|inesistente|impossibile trovare)(?: \S+){0,3} (?:l')?(?:utente|destinatario|casella|indirizzo)",
    ),
    "domain": (r"dominio(?: \S+){0,4} (?:non (?:esiste|trovato|valido)|inesistente|sconosciuto)",),
    "spam": (r"indesiderat\w+", r"come spam", r"per spam"),
    "sender": (
        r"mittente(?: \S+){0,5} (?:rifiutat|bloccat|non|sconosciut)\w*",
        r"non (?:si dispone|dispone|hai|ha)(?: \S+){0,2} (?:autorizzazion|permess)\w*",
    ),
    "expired": (r"tempo(?: \S+){0,4} (?:scaduto|esaurito)",),
    "transient": (
        r"temporane\w+",
        r"riprovare",
        r"piu tardi",
    ),
}

OTHERS: dict[str, tuple[str, ...]] = {
    "sender": (
        r"nadawca(?: \S+){0,4} (?:odrzucon|zablokowan|nie)\w*|odesilatel(?: \S+){0,4} (?:odmitnut|blokovan)\w*",
        r"niet gemachtigd|geen toestemming|brak uprawnien|inte behorighet|nemate opravneni",
        r"(?:afzender|avsandare|afsender|avsender)\w*(?: \S+){0,4} (?:geweigerd|geblokkeerd|avvisad|nekad|afvist|avvist)",
    ),
    "spam": (r"antyspam|anty-?spam|jako spam|als spam|som spam|som skrappost|ongewenste",),
    "mailbox_disabled": (
        r"(?:konto|skrzynka|uzytkownik)(?: \S+){0,3} (?:zablokowan|nieaktywn|zawieszon|usuniet|wylaczon)\w*",
        r"(?:account|postvak|postbus|gebruiker)(?: \S+){0,3} (?:uitgeschakeld|gedeactiveerd|geblokkeerd|opgeheven)",
    ),
    "mailbox_full": (
        r"(?:postvak|mailbox|postbus)(?: \S+){0,4} (?:is )?vol\b",
        r"opslaglimiet",
        r"skrzynka(?: \S+){0,4} (?:pelna|przepelniona)",
        r"postladan ar full",
        r"schranka(?: \S+){0,3} plna",
    ),
    "mailbox_unknown": (
        r"(?:gebruiker|ontvanger|\w*adres|postvak)(?: \S+){0,8} (?:bestaat niet|onbekend|niet (?:worden )?gevonden|ongeldig)",
        r"onbekende (?:gebruiker|ontvanger)",
        r"(?:uzytkownik|adres|odbiorca|konto|skrzynka)(?: \S+){0,5} nie (?:istnieje|znaleziono)",
        r"nie ma takiego",
        r"nieznany (?:uzytkownik|odbiorca)",
        (
            r"(?:anvandare|mottagare|adress|bruger|modtager|bruker|mottaker)\w*(?: \S+){0,5} (?:finns inte|okand"
            r"|hittades inte|findes ikke|ukendt|finnes ikke|ukjent)"
        ),
        r"(?:uzivatel|pouzivatel|adresat|adresa|schranka)(?: \S+){0,4} (?:neexistuje|neznam\w+|nenalezen\w*)",
        r"neznam\w+ (?:uzivatel|pouzivatel|adresat|prijemce)|(?:okand|ukendt|ukjent) (?:anvandare|mottagare|bruger|bruker|modtager|mottaker)",
        r"(?:kayttaja|vastaanottaja|osoite|postilaatikko)\w*(?: \S+){0,3} (?:ei (?:loydy|ole)|tuntematon)|tuntematon (?:kayttaja|vastaanottaja)",
        r"(?:felhasznalo|cimzett|postafiok|cim)(?: \S+){0,3} (?:nem (?:letezik|talalhato)|ismeretlen)|ismeretlen (?:felhasznalo|cimzett)",
        r"(?:utilizator|destinatar|adresa|casuta)\w*(?: \S+){0,4} (?:inexistent|necunoscut|nu exista|invalid)\w*",
        r"(?:pengguna|penerima|alamat|akun)(?: \S+){0,3} tidak (?:ditemukan|dikenal|ada|valid)",
        r"(?:nguoi dung|nguoi nhan|tai khoan|dia chi|hop thu)(?: \S+){0,4} khong (?:ton tai|tim thay|hop le)",
        r"(?:χρηστης|παραληπτης|διευθυνση)(?: \S+){0,3} (?:δεν (?:υπαρχει|βρεθηκε)|αγνωστ\w+)|αγνωστος (?:χρηστης|παραληπτης)",
        r"(?:המשתמש|משתמש|הנמען|הכתובת|תיבת הדואר)(?: \S+){0,3} (?:לא (?:קיים|קיימת|נמצא|נמצאה|מוכר)|אינו קיים)",
        r"المستخدم(?: \S+){0,3} (?:غير موجود|غير معروف)|لم يتم العثور على",
        r"ไม่พบ(?:ผู้ใช้|ผู้รับ|ที่อยู่|กล่อง)",
        r"(?:kullanici|alici|adres)(?: \S+){0,4} (?:bulunamadi|yok|gecersiz|bilinmiyor)",
    ),
}
