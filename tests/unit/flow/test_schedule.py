"""The moments of a schedule."""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipmate.flow.schedule import DEFAULT, BadSchedule, Cron, Interval, Once, parse_schedule
from shipmate.flow.zone import local_zone

BERLIN = ZoneInfo("Europe/Berlin")
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
DAYS = "sun mon tue wed thu fri sat".split()


def moments(text: str, start: str, count: int, zone: tzinfo = UTC) -> list[str]:
    """Return the next moments of an expression, as local times with their offset."""
    schedule = parse_schedule(text, zone)
    found, moment = [], datetime.fromisoformat(start)
    for _ in range(count):
        following = schedule.next_after(moment)
        assert following is not None
        moment = following
        found.append(moment.astimezone(zone).strftime("%Y-%m-%d %H:%M%z"))
    return found


def test_the_default_is_every_ten_minutes() -> None:
    assert moments(DEFAULT, "2026-01-01T00:00:00Z", 2) == ["2026-01-01 00:10+0000", "2026-01-01 00:20+0000"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30 6 * * mon-fri", ["2026-01-01 06:30", "2026-01-02 06:30", "2026-01-05 06:30"]),
        ("0 0 1 JAN,Jul *", ["2026-01-01 00:00", "2026-07-01 00:00", "2027-01-01 00:00"]),
        ("0 12 * * fri-sun", ["2026-01-02 12:00", "2026-01-03 12:00", "2026-01-04 12:00"]),
        ("0 12 * * 7", ["2026-01-04 12:00", "2026-01-11 12:00", "2026-01-18 12:00"]),
        ("10-50/20 3 * * *", ["2026-01-01 03:10", "2026-01-01 03:30", "2026-01-01 03:50"]),
        ("50/5 3 1 1 *", ["2026-01-01 03:50", "2026-01-01 03:55", "2027-01-01 03:50"]),
        ("0 0 29 feb *", ["2028-02-29 00:00", "2032-02-29 00:00", "2036-02-29 00:00"]),
        ("0 0 13 * fri", ["2026-01-02 00:00", "2026-01-09 00:00", "2026-01-13 00:00"]),
        ("0 0 ? * mon", ["2026-01-05 00:00", "2026-01-12 00:00", "2026-01-19 00:00"]),
    ],
)
def test_a_cron_expression_has_these_moments(text: str, expected: list[str]) -> None:
    """Of two restricted fields for the day one is enough, as in every cron."""
    assert moments(text, "2025-12-31T23:59:00Z", 3) == [f"{each}+0000" for each in expected]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "expected five fields"),
        ("* * * *", "expected five fields"),
        ("0 */10 * * * *", "leave out the seconds"),
        ("60 * * * *", "expected minutes of 0 to 59, found '60'"),
        ("* 24 * * *", "expected hours of 0 to 23"),
        ("* * 0 * *", "expected days of 1 to 31"),
        ("* * * juni *", "expected months of 1 to 12 or jan to dec, found 'juni'"),
        ("* * * * 8", "expected weekdays of 0 to 7"),
        ("* * L * *", "expected days of 1 to 31, found 'L'"),
        ("*/0 * * * *", "expected a step of 1 to 99"),
        ("5-1 * * * *", "in rising order, found '5-1'"),
        ("1,,2 * * * *", "expected minutes of 0 to 59, found ''"),
        ("٣ * * * *", "expected minutes of 0 to 59"),
        ("0 0 31 feb *", "expected a date that exists"),
        ("0s", "expected an interval of at least 1s"),
        ("1.5h", "expected five fields"),
        ("10 m", "expected five fields"),
        ("@daily", "expected five fields"),
    ],
)
def test_a_text_that_is_no_schedule_is_refused(text: str, problem: str) -> None:
    with pytest.raises(BadSchedule, match=problem):
        parse_schedule(text)


def test_an_interval_begins_now_and_keeps_its_pace() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    schedule = parse_schedule("10m")

    assert schedule == Interval(600)
    assert schedule.first(now) == now
    assert schedule.next_after(now) == now + timedelta(minutes=10)


def test_once_is_now_and_never_again() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)

    assert parse_schedule("once") == Once()
    assert (Once().first(now), Once().next_after(now)) == (now, None)


def test_the_first_moment_of_a_cron_expression_may_be_now() -> None:
    now = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)

    assert parse_schedule("0 12 * * *").first(now) == now


def test_a_skipped_time_of_day_comes_later_by_the_length_of_the_gap() -> None:
    """On 29 March 2026 the clocks of Berlin go from 2 to 3 o'clock."""
    found = moments("30 2 * * *", "2026-03-27T12:00:00Z", 3, BERLIN)

    assert found == ["2026-03-28 02:30+0100", "2026-03-29 03:30+0200", "2026-03-30 02:30+0200"]


def test_a_time_of_day_that_comes_twice_counts_once() -> None:
    """On 25 October 2026 the clocks of Berlin go from 3 to 2 o'clock."""
    found = moments("30 2 * * *", "2026-10-24T12:00:00Z", 2, BERLIN)

    assert found == ["2026-10-25 02:30+0200", "2026-10-26 02:30+0100"]


def test_an_expression_for_every_hour_counts_both() -> None:
    found = moments("*/30 * * * *", "2026-10-25T00:00:00Z", 4, BERLIN)

    assert found == ["2026-10-25 02:30+0200", "2026-10-25 02:00+0100", "2026-10-25 02:30+0100", "2026-10-25 03:00+0100"]


def test_an_expression_for_every_hour_loses_nothing_in_the_gap() -> None:
    found = moments("*/30 * * * *", "2026-03-29T00:30:00Z", 3, BERLIN)

    assert found == ["2026-03-29 03:00+0200", "2026-03-29 03:30+0200", "2026-03-29 04:00+0200"]


def test_a_day_that_a_country_skips_has_its_moments_on_the_next_day() -> None:
    """Samoa had no 30 December 2011."""
    found = moments("0 12 * * *", "2011-12-29T12:00:00-10:00", 3, ZoneInfo("Pacific/Apia"))

    assert found == ["2011-12-31 12:00+1400", "2012-01-01 12:00+1400", "2012-01-02 12:00+1400"]


@st.composite
def fields(draw: st.DrawFn, lowest: int, highest: int, names: tuple[str, ...] = ()) -> tuple[str, set[int]]:
    """Return the text of a field, and the numbers that it stands for."""
    kind = draw(st.sampled_from(["any", "step", "list", "range", "name" if names else "any"]))
    if kind == "any":
        return "*", set(range(lowest, highest + 1))
    if kind == "step":
        step = draw(st.integers(1, 20))
        return f"*/{step}", set(range(lowest, highest + 1, step))
    if kind == "list":
        chosen = draw(st.sets(st.integers(lowest, highest), min_size=1, max_size=4))
        return ",".join(map(str, chosen)), chosen
    if kind == "name":
        index = draw(st.integers(0, len(names) - 1))
        return names[index].upper(), {index + lowest}
    start = draw(st.integers(lowest, highest))
    end, step = draw(st.integers(start, highest)), draw(st.integers(1, 5))
    return f"{start}-{end}/{step}", set(range(start, end + 1, step))


@given(
    fields(0, 59),
    fields(0, 23),
    fields(1, 31),
    fields(1, 12, tuple(MONTHS)),
    fields(0, 6, tuple(DAYS)),
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
)
@pytest.mark.no_cover
def test_the_next_moment_is_the_first_minute_that_fits(
    minute: tuple[str, set[int]],
    hour: tuple[str, set[int]],
    day: tuple[str, set[int]],
    month: tuple[str, set[int]],
    weekday: tuple[str, set[int]],
    start: datetime,
) -> None:
    """The naive way: look at each minute of three days."""
    is_either = not day[0].startswith("*") and not weekday[0].startswith("*")

    def fits(moment: datetime) -> bool:
        days = (moment.day in day[1], moment.isoweekday() % 7 in weekday[1])
        return (
            moment.minute in minute[1]
            and moment.hour in hour[1]
            and moment.month in month[1]
            and (any(days) if is_either else all(days))
        )

    begin = start.replace(second=0, microsecond=0)
    minutes = [begin + timedelta(minutes=number) for number in range(1, 3 * 24 * 60)]
    expected = next((each for each in minutes if fits(each)), None)
    try:
        schedule = parse_schedule(" ".join(each[0] for each in (minute, hour, day, month, weekday)))
    except BadSchedule as error:
        assert "a date that exists" in str(error)  # noqa: PT017 - the only way to fail
        assert expected is None
        return
    found = schedule.next_after(start)
    assert found is not None
    assert found == expected if expected is not None else found > minutes[-1]


@given(
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns"]),
    st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["*/7 * * * *", "15,45 */2 * * *", "*/15 * * * mon,sun"]),
)
@pytest.mark.no_cover
def test_in_any_zone_an_expression_for_every_hour_is_the_wall_clock(zone: str, start: datetime, text: str) -> None:
    """The naive way: read the wall clock at each minute. With ``*/2`` as hours, a moment may come from a gap."""
    cron = parse_schedule(text, ZoneInfo(zone))
    assert isinstance(cron, Cron)

    def fits(moment: datetime) -> bool:
        local = moment.astimezone(ZoneInfo(zone))
        return local.minute in cron.minutes and local.hour in cron.hours and local.isoweekday() % 7 in cron.weekdays

    following = cron.next_after(start)
    assert following is not None
    begin = start.replace(second=0, microsecond=0)
    count = int((following - begin).total_seconds() // 60)
    between = [begin + timedelta(minutes=number) for number in range(1, count)]
    assert not [each for each in between if fits(each)]
    assert fits(following) or text.startswith("15,45")


def test_a_zone_that_does_not_exist_is_utc_with_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TZ", "Nowhere/City")

    assert [local_zone(), local_zone()] == [UTC, UTC]
    assert caplog.messages == ["TZ: expected a time zone such as Europe/Berlin, found 'Nowhere/City'; times are UTC"]
