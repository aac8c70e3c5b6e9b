"""Reports: errors and warnings."""

from shipmate.tools.validation import Problem, Report


def test_a_report_tells_errors_from_warnings() -> None:
    error, warning = Problem("f", "", "m"), Problem("f", "", "m", "warning")
    report = Report((warning, error))
    assert report.errors == (error,)
    assert report.warnings == (warning,)
