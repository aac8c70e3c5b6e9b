"""What a new component is to be: its title, its ids, its API, and how that is asked for and checked."""

import keyword
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shipmate.errors import BadInput

AUTHENTICATIONS: Final = ("oauth2", "api-key", "basic", "none")
_LONGEST_TITLE: Final = 100
_LONGEST_ID: Final = 60
# Their tests would have the names of others.
_TAKEN: Final = ("api", "component", "refresh", "verify_credentials")
# What needs no escape in Python, in JSON and in a shell. No query, and no user: such a URL holds secrets.
_URL: Final = re.compile(r"(https?://[a-z0-9][a-z0-9.-]*(?::[0-9]{1,5})?)(?:/[a-z0-9._~/-]*)?", re.IGNORECASE)
_GERMAN: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to know about a new component.

    Args:
        option: The option that answers it.
        text: What a person is asked.
        check: Returns the answer as it is used; raises `BadInput` for a wrong one.
        default: The answer unless there is another, None when there must be one.
    """

    option: str
    text: str
    check: Callable[[str], str]
    default: str | None = None


Ask = Callable[[Question], str]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a new component is to be; everything in it is checked."""

    title: str
    authentication: str
    base_url: str
    action: str
    action_title: str
    trigger: str
    trigger_title: str

    @property
    def name(self) -> str:
        """The component's name where a machine reads it."""
        return id_from(self.title).replace("_", "-") or "component"

    @property
    def origin(self) -> str:
        """Scheme and host of the API."""
        found = _URL.fullmatch(self.base_url)
        return found[1] if found else self.base_url

    @classmethod
    def from_answers(cls, folder: Path, given: Mapping[str, str | None], ask: Ask | None) -> "Plan":
        """Return the plan for a component in a folder.

        Args:
            folder: Where it is to be; the default of the title comes from its name.
            given: What the options say, by their names without dashes.
            ask: Asks for what they do not say; without it defaults are taken.

        Raises:
            BadInput: An option has a wrong value, or one is missing that has no default.
        """
        answers = _Answers(given, ask)
        title = answers.to("title", "Title of the component", check_title, _title_from(folder.resolve().name))
        authentication = answers.to("auth", f"Authentication ({', '.join(AUTHENTICATIONS)})", check_auth, "oauth2")
        base_url = answers.to("base-url", "Base URL of the API", check_url, "https://api.example.com")
        action_title, action = answers.function("action", "Create record")
        trigger_title, trigger = answers.function("trigger", "New records", other=action)
        return cls(title, authentication, base_url, action, action_title, trigger, trigger_title)


@dataclass(frozen=True, slots=True)
class _Answers:
    given: Mapping[str, str | None]
    ask: Ask | None

    def to(self, name: str, text: str, check: Callable[[str], str], default: str | None) -> str:
        """Return the answer of the option, of the person, or the default."""
        question = Question(f"--{name}", text, check, default)
        given = self.given.get(name)
        if given is not None:
            try:
                return check(given)
            except BadInput as error:
                raise BadInput(f"{error} for {question.option}") from error
        if self.ask is not None:
            return self.ask(question)
        if default is None:
            raise BadInput(f"expected the option {question.option}, found none: {text[:1].lower()}{text[1:]}")
        return default

    def function(self, kind: str, default: str, other: str | None = None) -> tuple[str, str]:
        """Return title and id of a function; the id is asked for when the title yields none."""
        title = self.to(kind, f"Title of the {kind}", check_title, default)
        derived = id_from(title)
        if self.given.get(f"{kind}-id") is None and derived and _is_free(derived, other):
            return title, derived
        text = f"Id of the {kind}, as its file is called"
        return title, self.to(f"{kind}-id", text, lambda value: check_id(value, other), None)


def id_from(title: str) -> str:
    """Return an id made from a title, empty when the title has nothing to make one from.

    >>> id_from("Kontakte ändern (neu)"), id_from("Créer un élève"), id_from("2 Wege"), id_from("連絡先")
    ('kontakte_aendern_neu', 'creer_un_eleve', 'wege', '')
    """
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFC", title).translate(_GERMAN))
    words = re.findall(r"[a-z0-9]+", re.sub(r"[\u0300-\u036f\u2019']", "", plain).lower())
    found = "_".join(words).lstrip("0123456789_")[:_LONGEST_ID].rstrip("_")
    return f"{found}_" if keyword.iskeyword(found) else found


def check_title(value: str) -> str:
    """Return a title without the space around it."""
    title = unicodedata.normalize("NFC", value).strip()
    if not title:
        raise BadInput("expected a title, found nothing")
    if not title.isprintable():
        raise BadInput("expected a title in one line, found a character that cannot be printed")
    if len(title) > _LONGEST_TITLE:
        raise BadInput(f"expected a title of at most {_LONGEST_TITLE} characters, found {len(title)}")
    return title


def check_auth(value: str) -> str:
    """Return a kind of authentication."""
    kind = value.strip().lower()
    if kind not in AUTHENTICATIONS:
        raise BadInput(f"expected one of {', '.join(AUTHENTICATIONS)}, found {value!r}")
    return kind


def check_url(value: str) -> str:
    """Return a URL without a slash at its end."""
    url = value.strip()
    if not _URL.fullmatch(url):
        raise BadInput("expected a URL like https://api.example.com/v1, found something else")
    return url.rstrip("/")


def check_id(value: str, other: str | None = None) -> str:
    """Return an id that can be the name of a module, and that the other function does not have."""
    found = value.strip()
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", found) or keyword.iskeyword(found) or len(found) > _LONGEST_ID:
        expected = f"a letter, then letters, digits or _, at most {_LONGEST_ID}, and no word of Python"
        raise BadInput(f"expected {expected}, found {value!r}")
    if not _is_free(found, other):
        raise BadInput(f"expected an id that nothing else has, found {found!r} again")
    return found


def _is_free(found: str, other: str | None) -> bool:
    """Tell whether no other file has the name, on systems either that do not know capitals from others."""
    return found.lower() not in (*_TAKEN, (other or "").lower())


def _title_from(name: str) -> str | None:
    """Return a title made from a folder's name, None if it yields none."""
    try:
        title = check_title(" ".join(re.split(r"[\s_.-]+", name)))
    except BadInput:
        return None
    return title[:1].upper() + title[1:]
