"""Reports: errors and warnings."""

from shipmate.tools.validation import Problem, Report


def test_a_report_tells_errors_from_warnings() -> None:
    error, warning = Problem("f", "", "m"), Problem("f", "", "m", "warning")
    report = Report((warning, error))
    assert report.errors == (error,)
    assert report.warnings == (warning,)


def test_the_place_of_a_problem_in_the_whole_file_is_its_root() -> None:
    assert Problem("component.json", "", "m").place == "component.json /"
    assert Problem("component.json", "/title", "m").place == "component.json /title"
