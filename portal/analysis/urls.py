"""Pages of the analysis desk."""

from __future__ import annotations

from django.urls import path

from portal.analysis import verify_views, views

app_name = "analysis"
urlpatterns = [
    path("desk/", views.desk, name="desk"),
    path("desk/<int:pk>/", views.case, name="case"),
    path("desk/<int:pk>/conclusions", views.conclude, name="conclude"),
    path("desk/<int:pk>/cancel", views.cancel, name="cancel"),
    path("desk/<int:pk>/priority", views.priority, name="priority"),
    path("desk/<int:pk>/notes", views.note, name="note"),
    path("desk/<int:pk>/tags", views.tags, name="tags"),
    path("desk/<int:pk>/people", views.people, name="people"),
    path("desk/<int:pk>/files", views.add_file, name="add_file"),
    path("desk/<int:pk>/another", views.ask_another, name="ask_another"),
    path("desk/<int:pk>/text", views.correct_text, name="correct_text"),
    path("desk/<int:pk>/close", views.close, name="close"),
    path("desk/<int:pk>/end", views.end_date, name="end_date"),
    path("desk/<int:pk>/tables/<slug:name>.csv", views.table, name="table"),
    path("desk/<int:pk>/account", views.account, name="account"),
    path("desk/<int:pk>/columns", views.columns, name="columns"),
    path("desk/<int:pk>/names", views.names_answer, name="names"),
    path("desk/<int:pk>/export", views.export, name="export"),
    path("desk/<int:pk>/files/<int:number>", views.input_file, name="input_file"),
    path("verify/", verify_views.verify, name="verify"),
    path("desk/<int:pk>/evidence/<slug:name>", views.evidence, name="evidence"),
]
