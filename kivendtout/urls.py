from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import user_passes_test
from django.urls import include, path
from django.views.generic import RedirectView

from apps.fraud.selectors.watch_metrics import watch_metrics_install
from apps.payments.pages.activity import activity
from kivendtout.status_pages import healthz, metrics, readyz
from kivendtout.style_guide import style_guide

handler400 = "kivendtout.api_errors.bad_request"
handler403 = "kivendtout.api_errors.permission_denied"
handler404 = "kivendtout.api_errors.not_found"
handler500 = "kivendtout.api_errors.server_error"

watch_metrics_install()

staff_only = user_passes_test(lambda user: user.is_active and user.is_staff)

urlpatterns = [
    path("", activity, name="activity"),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("api/v1/", include("apps.fraud.api.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("accounts/login/", auth_views.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("accounts/logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("accounts/password/", auth_views.PasswordChangeView.as_view(), name="password_change"),
    path("accounts/password/done/", auth_views.PasswordChangeDoneView.as_view(), name="password_change_done"),
    # One door: unfold's own login page knows neither our look nor the language switch.
    path("admin/login/", RedirectView.as_view(pattern_name="login", query_string=True)),
    path("admin/", admin.site.urls),
    path("styleguide/", staff_only(style_guide), name="styleguide"),
]

if settings.DEBUG:
    from django.contrib.staticfiles.urls import staticfiles_urlpatterns

    urlpatterns += staticfiles_urlpatterns()
