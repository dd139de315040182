from __future__ import annotations

from django.urls import path

from apps.fraud.api import views
from apps.fraud.api.labels import labels

urlpatterns = [
    path("score", views.score, name="api_score"),
    path("score/batch", views.score_batch, name="api_score_batch"),
    path("fraud-alerts/check", views.check, name="api_check"),
    path("labels", labels, name="api_labels"),
    path("decisions/<str:decision_id>", views.decision, name="api_decision"),
]
