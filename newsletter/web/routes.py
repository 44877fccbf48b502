"""The route table: every address of the product, with the right that it takes beside it."""

from __future__ import annotations

from newsletter.domain.people import Right
from newsletter.web import (
    console_audit,
    console_briefs,
    console_home,
    console_imports,
    console_issues,
    console_lists,
    console_newsletters,
    console_outbox,
    console_reviews,
    console_subscribers,
    console_suppressions,
    console_users,
    health,
    public,
    signing_in,
)
from newsletter.web.access import BRIEF_BYTES, PUBLIC, TABLE_BYTES, Route, act, show

ROUTES: tuple[Route, ...] = (
    # anybody
    show("/", public.show_start, PUBLIC),
    show("/healthz", health.show_health, PUBLIC),
    show("/readyz", health.show_readiness, PUBLIC),
    show("/u/{token}", public.show_leaving, PUBLIC),
    act("/u/{token}", public.leave, PUBLIC, takes_foreign_posts=True),
    show("/archive/{newsletter}", public.show_archive, PUBLIC),
    show("/archive/{newsletter}/{issue_id}", public.show_web_version, PUBLIC),
    show("/login", signing_in.show_login, PUBLIC),
    act("/login", signing_in.sign_in, PUBLIC),
    show("/login/{token}", signing_in.show_link, PUBLIC),
    act("/login/{token}", signing_in.use_link, PUBLIC),
    # whoever is signed in
    act("/logout", signing_in.sign_out, Right.READ),
    show("/admin/account", signing_in.show_account, Right.READ),
    act("/admin/account", signing_in.set_password, Right.READ),
    show("/admin", console_home.show_dashboard, Right.READ),
    # briefs
    show("/admin/briefs", console_briefs.show_briefs, Right.READ),
    show("/admin/briefs/new", console_briefs.show_new_brief, Right.WRITE_BRIEFS),
    act("/admin/briefs/new", console_briefs.create_brief, Right.WRITE_BRIEFS, body_limit=BRIEF_BYTES),
    show("/admin/briefs/{brief_id}", console_briefs.show_brief, Right.READ),
    show("/admin/briefs/{brief_id}/mail", console_briefs.show_mail, Right.READ),
    show("/admin/briefs/{brief_id}/edit", console_briefs.show_edit_brief, Right.WRITE_BRIEFS),
    act("/admin/briefs/{brief_id}/edit", console_briefs.edit_brief, Right.WRITE_BRIEFS, body_limit=BRIEF_BYTES),
    act("/admin/briefs/{brief_id}/submit", console_reviews.submit_brief, Right.WRITE_BRIEFS),
    act("/admin/briefs/{brief_id}/approve", console_reviews.approve_brief, Right.APPROVE),
    act("/admin/briefs/{brief_id}/request-changes", console_reviews.request_changes, Right.APPROVE),
    show("/admin/briefs/{brief_id}/test-send", console_reviews.show_test_send, Right.TEST_SEND),
    act("/admin/briefs/{brief_id}/test-send", console_reviews.send_test, Right.TEST_SEND),
    # issues
    show("/admin/issues", console_issues.show_issues, Right.READ),
    show("/admin/issues/new", console_issues.show_new_issue, Right.SEND),
    act("/admin/issues/new", console_issues.create_issue, Right.SEND),
    show("/admin/issues/estimate", console_issues.show_estimate, Right.SEND),
    show("/admin/issues/{issue_id}", console_issues.show_issue, Right.READ),
    show("/admin/issues/{issue_id}/progress", console_issues.show_progress, Right.READ),
    show("/admin/issues/{issue_id}/send", console_issues.show_send_issue, Right.SEND),
    act("/admin/issues/{issue_id}/send", console_issues.send_issue, Right.SEND),
    act("/admin/issues/{issue_id}/pause", console_issues.pause_issue, Right.SEND),
    act("/admin/issues/{issue_id}/resume", console_issues.resume_issue, Right.SEND),
    show("/admin/issues/{issue_id}/cancel", console_issues.show_cancel_issue, Right.SEND),
    act("/admin/issues/{issue_id}/cancel", console_issues.cancel_issue, Right.SEND),
    act("/admin/issues/{issue_id}/retry", console_issues.retry_issue, Right.SEND),
    act("/admin/issues/{issue_id}/resolve", console_issues.resolve_issue, Right.SEND),
    # the outbox
    show("/admin/outbox", console_outbox.show_outbox, Right.READ),
    show("/admin/outbox/{folder}/{name}", console_outbox.show_mail, Right.READ),
    show("/admin/outbox/{folder}/{name}/html", console_outbox.show_mail_html, Right.READ),
    # lists and people
    show("/admin/lists", console_lists.show_lists, Right.READ),
    show("/admin/lists/new", console_lists.show_new_list, Right.MANAGE_LISTS),
    act("/admin/lists/new", console_lists.create_list, Right.MANAGE_LISTS),
    show("/admin/lists/{list_id}", console_lists.show_list, Right.READ),
    show("/admin/subscribers", console_subscribers.show_subscribers, Right.READ),
    show("/admin/subscribers/new", console_subscribers.show_new_subscriber, Right.MANAGE_SUBSCRIBERS),
    act("/admin/subscribers/new", console_subscribers.add_subscriber, Right.MANAGE_SUBSCRIBERS),
    show("/admin/subscribers/import", console_imports.show_import, Right.MANAGE_SUBSCRIBERS),
    act(
        "/admin/subscribers/import",
        console_imports.import_subscribers,
        Right.MANAGE_SUBSCRIBERS,
        body_limit=TABLE_BYTES,
    ),
    show("/admin/subscribers/import/{name}", console_imports.show_faults, Right.MANAGE_SUBSCRIBERS),
    show("/admin/subscribers/{subscriber_id}", console_subscribers.show_subscriber, Right.READ),
    act(
        "/admin/subscribers/{subscriber_id}/enable", console_subscribers.enable_subscriber, Right.MANAGE_SUBSCRIBERS
    ),
    act(
        "/admin/subscribers/{subscriber_id}/disable", console_subscribers.disable_subscriber, Right.MANAGE_SUBSCRIBERS
    ),
    show(
        "/admin/subscribers/{subscriber_id}/erase",
        console_subscribers.show_erase_subscriber,
        Right.MANAGE_SUBSCRIBERS,
    ),
    act("/admin/subscribers/{subscriber_id}/erase", console_subscribers.erase_subscriber, Right.MANAGE_SUBSCRIBERS),
    show("/admin/suppressions", console_suppressions.show_suppressions, Right.READ),
    act("/admin/suppressions/add", console_suppressions.add_suppression, Right.MANAGE_SUPPRESSIONS),
    act("/admin/suppressions/remove", console_suppressions.remove_suppression, Right.MANAGE_SUPPRESSIONS),
    # settings
    show("/admin/newsletters", console_newsletters.show_newsletters, Right.READ),
    show("/admin/newsletters/new", console_newsletters.show_new_newsletter, Right.MANAGE_NEWSLETTERS),
    act("/admin/newsletters/new", console_newsletters.create_newsletter, Right.MANAGE_NEWSLETTERS),
    show("/admin/newsletters/{newsletter_id}", console_newsletters.show_newsletter, Right.MANAGE_NEWSLETTERS),
    act("/admin/newsletters/{newsletter_id}", console_newsletters.edit_newsletter, Right.MANAGE_NEWSLETTERS),
    show("/admin/users", console_users.show_users, Right.MANAGE_USERS),
    act("/admin/users", console_users.create_user, Right.MANAGE_USERS),
    act("/admin/users/{user_id}", console_users.change_user, Right.MANAGE_USERS),
    act("/admin/users/{user_id}/sign-in-link", console_users.make_link, Right.MANAGE_USERS),
    show("/admin/audit", console_audit.show_audit, Right.READ),
)
