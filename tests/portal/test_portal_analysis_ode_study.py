"""The one tool that needs torch works within the limits of the desk's own process for it."""

from __future__ import annotations

import cv2
import pytest
from alert_scene import scene
from django.core.files.uploadedfile import SimpleUploadedFile

from portal.analysis import actions, tasks
from portal.analysis.models import Case
from tests.detectors.test_detectors_ode_study import sheet

pytestmark = pytest.mark.django_db


def test_a_sheet_of_digits_is_studied_in_the_desks_process(settings, tmp_path):
    settings.MEDIA_FOLDER = tmp_path
    at = scene()
    picture = SimpleUploadedFile("digits.png", cv2.imencode(".png", sheet("31415"))[1].tobytes())
    case = actions.open_case(user=at.operator, files=[picture], site=at.site, tool="ode-study")
    tasks.run_case(case_id=case.pk)
    case = Case.objects.get(pk=case.pk)
    assert case.problem_words == ""
    assert [each["kind"] for each in case.report["evidence"]] == ["picture", "table", "plot", "plot", "table"]
    assert case.report["verdict"]["label"]["params"] == {"count": 5}
