"""Facts about letters: what a mail does not declare, or declares wrongly, is still read."""

from __future__ import annotations

import pytest

from newsletter.inbound import understand
from newsletter.inbound.decoding import decode_bytes

JAPANESE = "次のあて先へのメールはお届けできませんでした。宛先が見つかりません"
RUSSIAN = "К сожалению, пользователь не найден, письмо не доставлено"
CHINESE = "抱歉，您的邮件被退回来了，收件人邮件地址不存在"
GERMAN = "Die Nachricht konnte nicht an folgende Empfänger zugestellt werden: Größe überschritten"
FRENCH = "Votre message n'a pas pu être remis à l'adresse spécifiée"


@pytest.mark.parametrize("declared", ["", "us-ascii", "no such set"])
@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        *((JAPANESE, name) for name in ("euc_jp", "shift_jis", "iso-2022-jp", "utf-8")),
        *((RUSSIAN, name) for name in ("koi8-r", "cp1251", "utf-8")),
        *((CHINESE, name) for name in ("gb18030", "utf-8")),
        *((text, name) for text in (GERMAN, FRENCH) for name in ("latin-1", "utf-8")),
    ],
)
def test_a_text_without_a_true_declaration_is_read(text: str, encoding: str, declared: str) -> None:
    assert decode_bytes(text.encode(encoding), declared) == text


def test_a_subject_of_plain_bytes_is_read() -> None:
    head = "From: MAILER-DAEMON@mx.example\nSubject: 메일 전송 실패 안내\n\n"
    report = understand(f"{head}ada@example.org\n받는 사람의 주소가 존재하지 않습니다.\n".encode())
    assert report.subject == "메일 전송 실패 안내"
    assert [(one.address, one.bounce_class) for one in report.recipients] == [("ada@example.org", "hard")]
