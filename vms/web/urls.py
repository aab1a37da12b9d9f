"""Addresses of the HTML door."""

from __future__ import annotations

from allauth.account.views import ReauthenticateView, logout
from django.contrib.auth.decorators import login_required
from django.urls import path
from django.views.i18n import set_language

from vms.web import factorurls
from vms.web.accounts import LoginView, PasswordChangeView
from vms.web.views import (
    account,
    activity,
    bulk,
    charts,
    cloudinit,
    console,
    create,
    delete,
    guest,
    guests,
    host,
    jobs,
    people,
    power,
    settings,
    tags,
    tastes,
    templates,
)

GUEST = "guests/<uuid:vm_id>/"

urlpatterns = [
    path("", guests.page, name="guests"),
    path("guests/rows/", guests.rows, name="guest-rows"),
    path("guests/index/", guests.index, name="guest-index"),
    path("guests/choices/<str:name>/", guests.choices, name="guest-choices"),
    path("guests/view/", tastes.choose_view, name="guest-view"),
    path("guests/columns/", tastes.choose_columns, name="guest-columns"),
    path("guests/order/", tastes.choose_order, name="guest-order"),
    path("guests/bulk/", bulk.perform, name="guest-bulk"),
    path("guests/new/", create.choose_template, name="guest-new"),
    path("guests/new/<uuid:template_id>/", create.from_template, name="guest-new-from"),
    path(GUEST, guest.overview, name="guest"),
    path(f"{GUEST}menu/", guest.menu, name="guest-menu"),
    path(f"{GUEST}thumbnail/", guest.thumbnail, name="guest-thumbnail"),
    path(f"{GUEST}xml/", guest.xml, name="guest-xml"),
    path(f"{GUEST}history/", guest.history, name="guest-history"),
    path(f"{GUEST}charts/", charts.page, name="guest-charts"),
    path(f"{GUEST}series/", charts.guest_series, name="guest-series"),
    path(f"{GUEST}console/", console.page, name="guest-console"),
    path(f"{GUEST}ticket/", console.ticket, name="guest-ticket"),
    path(f"{GUEST}console/open-up/", console.open_up, name="guest-console-open-up"),
    path(f"{GUEST}power/<str:verb>/", power.perform, name="guest-power"),
    path(f"{GUEST}settings/", settings.page, name="guest-settings"),
    path(f"{GUEST}description/", settings.description, name="guest-description"),
    path(f"{GUEST}config/", settings.config, name="guest-config"),
    path(f"{GUEST}media/", settings.media, name="guest-media"),
    path(f"{GUEST}owner/", settings.owner, name="guest-owner"),
    path(f"{GUEST}cloud-init/", cloudinit.page, name="guest-cloud-init"),
    path(f"{GUEST}cloud-init/remove/", cloudinit.remove, name="guest-cloud-init-remove"),
    path("cloud-init/preview/", cloudinit.preview, name="cloud-init-preview"),
    path(f"{GUEST}tags/", tags.page, name="guest-tags"),
    path(f"{GUEST}delete/", delete.page, name="guest-delete"),
    path("jobs/", jobs.menu, name="jobs"),
    path("jobs/dismiss/", jobs.dismiss_all, name="jobs-dismiss"),
    path("jobs/<uuid:job_id>/dismiss/", jobs.dismiss, name="job-dismiss"),
    path("jobs/<uuid:job_id>/repeat/", jobs.repeat, name="job-repeat"),
    path("jobs/<uuid:job_id>/cancel/", jobs.cancel, name="guest-job-cancel"),
    path("templates/", templates.page, name="templates"),
    path("templates/new/", templates.new, name="template-new"),
    path("templates/<uuid:template_id>/edit/", templates.edit, name="template-edit"),
    path("templates/<uuid:template_id>/history/", templates.history, name="template-history"),
    path("templates/<uuid:template_id>/delete/", templates.delete, name="template-delete"),
    path("host/", host.page, name="host"),
    path("hosts/<uuid:host_id>/series/", charts.host_series, name="host-series"),
    path("people/", people.page, name="people"),
    path("people/add/", people.add, name="person-add"),
    path("people/rules/", people.rules, name="people-rules"),
    path("people/<uuid:user_id>/factors/", people.take_factors, name="person-factors"),
    path("people/<uuid:user_id>/role/", people.role, name="person-role"),
    path("people/<uuid:user_id>/deactivate/", people.deactivate, name="person-deactivate"),
    path("people/<uuid:user_id>/reactivate/", people.reactivate, name="person-reactivate"),
    path("people/<uuid:user_id>/password/", people.reset_password, name="person-password"),
    path("activity/", activity.page, name="activity"),
    path("activity/csv/", activity.as_csv, name="activity-csv"),
    path("login/", LoginView.as_view(), name="account_login"),
    path("logout/", logout, name="account_logout"),
    path(
        "account/password/",
        login_required(PasswordChangeView.as_view()),
        name="account_change_password",
    ),
    path("account/", account.page, name="account"),
    path("account/again/", ReauthenticateView.as_view(), name="account_reauthenticate"),
    *factorurls.urlpatterns,
    path("account/name/", account.name, name="account-name"),
    path("account/keys/", account.add_keys, name="account-keys"),
    path("account/keys/<uuid:key_id>/remove/", account.remove_key, name="account-key-remove"),
    path("account/tokens/", account.add_token, name="account-tokens"),
    path(
        "account/tokens/<uuid:token_id>/revoke/", account.revoke_token, name="account-token-revoke"
    ),
    path("account/sessions/end/", account.end_others, name="account-sessions-end"),
    path("account/sessions/<slug:mark>/end/", account.end_session, name="account-session-end"),
    path("language/", set_language, name="set_language"),
]
