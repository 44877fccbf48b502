"""The outbox: mails as files that a person can open."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from newsletter.domain.mail import OutcomeKind, Recipient
from newsletter.errors import InvalidInput, NotFound
from newsletter.providers import ProviderUnavailable, make_provider
from newsletter.providers.outbox import OutboxProvider, list_mails, read_mail
from newsletter.settings import ProviderName, Settings
from tests.providers.mails import compose, gather, kinds, make_mailing, make_recipient, make_recipients


@pytest.fixture
def outbox_dir(tmp_path: Path) -> Path:
    """A folder that does not exist yet."""
    return tmp_path / "data" / "outbox"


def test_each_mail_is_a_file_with_exactly_the_composed_bytes(outbox_dir: Path) -> None:
    recipients = make_recipients(3)
    assert kinds(OutboxProvider(outbox_dir).send(make_mailing(), recipients)) == dict.fromkeys(
        (1, 2, 3), OutcomeKind.ACCEPTED
    )
    for recipient in recipients:
        assert (outbox_dir / "7" / f"{recipient.token}.eml").read_bytes() == compose(recipient)
    assert len(list((outbox_dir / "7").iterdir())) == 3


def test_a_retry_does_not_double_a_mail(outbox_dir: Path) -> None:
    provider = OutboxProvider(outbox_dir)
    for _ in range(2):
        list(provider.send(make_mailing(), make_recipients(2)))
    assert len(list_mails(outbox_dir)) == 2


def test_test_mails_lie_apart_from_those_of_an_issue(outbox_dir: Path) -> None:
    provider, recipient = OutboxProvider(outbox_dir), make_recipient(1)
    outcome = provider.send_test(make_mailing(), recipient)
    assert outcome.response == f"written to outbox/test/{recipient.token}.eml"
    assert outcome.message_id == recipient.headers["Message-ID"]
    assert list_mails(outbox_dir, issue_id=7) == []


def test_closing_writes_no_further_file(outbox_dir: Path) -> None:
    outcomes = OutboxProvider(outbox_dir).send(make_mailing(), make_recipients(5))
    next(outcomes)
    outcomes.close()
    assert list(outcomes) == []
    assert len(list_mails(outbox_dir)) == 1


def test_a_folder_that_cannot_be_written_needs_a_person(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file is in the way")
    provider = OutboxProvider(tmp_path / "outbox")
    found, error = gather(provider.send(make_mailing(), make_recipients(2)))
    assert found == []
    assert isinstance(error, ProviderUnavailable) and error.needs_person
    with pytest.raises(ProviderUnavailable, match="cannot be written"):
        provider.check()


def test_check_names_the_folder(outbox_dir: Path) -> None:
    assert str(outbox_dir) in OutboxProvider(outbox_dir).check()
    assert list(outbox_dir.iterdir()) == []


def test_a_token_cannot_name_a_file_elsewhere(outbox_dir: Path) -> None:
    with pytest.raises(ValueError, match="token"):
        list(OutboxProvider(outbox_dir).send(make_mailing(), [make_recipient(1, token="../../evil")]))
    assert not outbox_dir.exists()


def test_mails_are_listed_page_by_page_with_test_mails_and_the_newest_issue_first(outbox_dir: Path) -> None:
    provider = OutboxProvider(outbox_dir)
    for issue_id in (9, 10):
        list(provider.send(make_mailing(issue_id=issue_id), make_recipients(3)))
    provider.send_test(make_mailing(issue_id=0), make_recipient(1))
    keys: list[str] = []
    while page := list_mails(outbox_dir, limit=2, after=keys[-1] if keys else None):
        assert len(page) <= 2
        keys.extend(mail.key for mail in page)
    assert [key.partition("/")[0] for key in keys] == ["test", "10", "10", "10", "9", "9", "9"]
    assert len(set(keys)) == 7
    assert [mail.key for mail in list_mails(outbox_dir, issue_id=9)] == keys[4:]


def test_a_listed_mail_tells_its_recipient_subject_date_and_size(outbox_dir: Path) -> None:
    recipient = make_recipient(1)
    list(OutboxProvider(outbox_dir).send(make_mailing(), [recipient]))
    (mail,) = list_mails(outbox_dir)
    assert (mail.to, mail.subject, mail.size) == (recipient.email, "Today's brief", len(compose(recipient)))
    assert mail.date.isoformat() == "2026-06-22T06:00:00+00:00"


def test_a_mail_is_read_back_in_its_parts(outbox_dir: Path) -> None:
    list(OutboxProvider(outbox_dir).send(make_mailing(), [make_recipient(1)]))
    mail = read_mail(outbox_dir, list_mails(outbox_dir)[0].key)
    assert dict(mail.headers)["Message-ID"] == make_recipient(1).headers["Message-ID"]
    assert "Good morning & hello, Reader 1\n.\n..two dots" in mail.text.replace("\r\n", "\n")
    assert "<p>tomorrow</p>" in mail.html
    assert mail.source.encode() == compose(make_recipient(1))


@pytest.mark.parametrize(
    "key", ["../secret.key", "7/../../secret.key", "/etc/passwd", "7/nothing.eml", "", "7", "7/x\0.eml", "..%2fsecret"]
)
def test_only_mails_of_the_outbox_can_be_read(outbox_dir: Path, key: str) -> None:
    list(OutboxProvider(outbox_dir).send(make_mailing(), [make_recipient(1)]))
    (outbox_dir.parent / "secret.key").write_text("secret")
    with pytest.raises(NotFound):
        read_mail(outbox_dir, key)


def test_a_link_out_of_the_outbox_is_not_followed(outbox_dir: Path) -> None:
    list(OutboxProvider(outbox_dir).send(make_mailing(), [make_recipient(1)]))
    secret = outbox_dir.parent / "secret.key"
    secret.write_text("secret")
    os.symlink(secret, outbox_dir / "7" / "evil.eml")
    with pytest.raises(NotFound):
        read_mail(outbox_dir, "7/evil.eml")


def test_an_empty_outbox_lists_nothing(outbox_dir: Path) -> None:
    assert list_mails(outbox_dir) == []


def test_the_settings_choose_the_provider(tmp_path: Path) -> None:
    for name in (ProviderName.OUTBOX, ProviderName.SMTP, ProviderName.SENDGRID):
        settings = Settings(_env_file=None, data_dir=tmp_path, provider=name, sendgrid_api_key="SG.key")  # type: ignore[call-arg, arg-type]
        provider = make_provider(settings)
        assert provider.name == name
        provider.close()


def test_a_mail_that_cannot_be_put_together_is_refused_alone(outbox_dir: Path) -> None:
    def compose_or_refuse(recipient: Recipient) -> bytes:
        if recipient.subscriber_id == 2:
            raise InvalidInput("the name holds a line break")
        return compose(recipient)

    outcomes = OutboxProvider(outbox_dir).send(make_mailing(compose=compose_or_refuse), make_recipients(3))
    assert kinds(outcomes) == {1: OutcomeKind.ACCEPTED, 2: OutcomeKind.REFUSED, 3: OutcomeKind.ACCEPTED}
