"""What is read from an API is kept for a while, and does not fill the memory."""

from shipmate.kit import Cache


def test_values_are_read_once_until_they_are_old() -> None:
    """And of many all but the newest are dropped."""
    now, read = [0.0], list[int]()
    cache: Cache[int] = Cache(300, most=50, clock=lambda: now[0])

    def get(number: int) -> int:
        def fetch() -> int:
            read.append(number)
            return number

        return cache.get(("account", number), fetch)

    for number in range(60):
        assert get(number) == number
    assert get(59) == 59
    assert len(read) == 60
    now[0] = 300.0
    assert get(59) == 59
    assert len(read) == 61
    assert len(cache) <= 50
