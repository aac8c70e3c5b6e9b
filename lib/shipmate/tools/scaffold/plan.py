"""Plans a new component: asks for its titles, its ids and its API, and checks the answers."""

import keyword
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shipmate.errors import BadInput
from shipmate.wording import real_path

AUTHENTICATIONS: Final = ("oauth2", "platform", "api-key", "basic", "none")
_LONGEST_TITLE: Final = 100
_LONGEST_ID: Final = 60
# Names of test files that every component has.
_TAKEN: Final = ("api", "component", "refresh", "secret", "verify_credentials")
# Characters that need no escape in Python, JSON and a shell. Without query and user, which may be secrets.
_URL: Final = re.compile(r"(https?://[a-z0-9][a-z0-9.-]*(?::[0-9]{1,5})?)(?:/[a-z0-9._~/-]*)?", re.IGNORECASE)
_GERMAN: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a new component.

    Args:
        option: The option that answers the question: ``--title``.
        text: The text of the question.
        check: Returns the valid form of an answer, or raises `BadInput`.
        default: The default answer; None if an answer is required.
    """

    option: str
    text: str
    check: Callable[[str], str]
    default: str | None = None


Ask = Callable[[Question], str]


@dataclass(frozen=True, slots=True)
class Plan:
    """The checked answers about a new component."""

    title: str
    authentication: str
    base_url: str
    action: str
    action_title: str
    trigger: str
    trigger_title: str
    object_title: str = ""
    """The title of an object whose functions follow from a declaration; empty without one."""

    @property
    def object(self) -> str:
        """The name of the declaration in Python."""
        return id_from(self.object_title)

    @property
    def name(self) -> str:
        """The name of the component for machines: lower-case words with dashes."""
        return id_from(self.title).replace("_", "-") or "component"

    @property
    def origin(self) -> str:
        """Scheme and host of the API."""
        match = _URL.fullmatch(self.base_url)
        return match[1] if match else self.base_url

    @classmethod
    def from_answers(cls, folder: Path, options: Mapping[str, str | None], ask: Ask | None) -> "Plan":
        """Return the plan for a component in a folder.

        Args:
            folder: The folder of the component; its name is the default title.
            options: The values of the options, by their names without the leading dashes.
            ask: Asks for the value of a missing option; None takes the defaults.

        Raises:
            BadInput: An option has a wrong value, or has neither a value nor a default.
        """
        answers = _Answers(options, ask)
        title = answers.to("title", "Title of the component", check_title, _title_from(real_path(folder).name))
        authentication = answers.to("auth", f"Authentication ({', '.join(AUTHENTICATIONS)})", check_auth, "oauth2")
        base_url = answers.to("base-url", "Base URL of the API", check_url, "https://api.example.com")
        if options.get("objects") is not None:
            object_title = answers.to("objects", "Title of an object", check_object, None)
            action, trigger = "createObject", "getNewAndUpdatedObjectsPolling"
            return cls(title, authentication, base_url, action, "", trigger, "", object_title)
        action_title, action = answers.function("action", "Create record")
        trigger_title, trigger = answers.function("trigger", "New records", other=action)
        return cls(title, authentication, base_url, action, action_title, trigger, trigger_title)


@dataclass(frozen=True, slots=True)
class _Answers:
    options: Mapping[str, str | None]
    ask: Ask | None

    def to(self, name: str, text: str, check: Callable[[str], str], default: str | None) -> str:
        """Return the value of the option, the answer of the person, or the default."""
        question = Question(f"--{name}", text, check, default)
        value = self.options.get(name)
        if value is not None:
            try:
                return check(value)
            except BadInput as error:
                raise BadInput(f"{error} for {question.option}") from error
        if self.ask is not None:
            return self.ask(question)
        if default is None:
            raise BadInput(f"expected the option {question.option}, found none: {text[:1].lower()}{text[1:]}")
        return default

    def function(self, kind: str, default: str, other: str | None = None) -> tuple[str, str]:
        """Return title and id of a function; ask for the id if the title does not yield a free one."""
        title = self.to(kind, f"Title of the {kind}", check_title, default)
        derived = id_from(title)
        if self.options.get(f"{kind}-id") is None and derived and _is_free(derived, other):
            return title, derived
        text = f"Id of the {kind}, which names its file"
        return title, self.to(f"{kind}-id", text, lambda value: check_id(value, other), None)


def id_from(title: str) -> str:
    """Return an id derived from a title, empty if the title has no Latin letters.

    >>> id_from("Kontakte ändern (neu)"), id_from("Créer un élève"), id_from("2 Wege"), id_from("連絡先")
    ('kontakte_aendern_neu', 'creer_un_eleve', 'wege', '')
    """
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFC", title).translate(_GERMAN))
    words = re.findall(r"[a-z0-9]+", re.sub(r"[\u0300-\u036f\u2019']", "", plain).lower())
    derived = "_".join(words).lstrip("0123456789_")[:_LONGEST_ID].rstrip("_")
    return f"{derived}_" if keyword.iskeyword(derived) else derived


def check_title(value: str) -> str:
    """Return a valid title, without surrounding spaces.

    Raises:
        BadInput: The title is empty, too long, or has an unprintable character.
    """
    title = unicodedata.normalize("NFC", value).strip()
    if not title:
        raise BadInput("expected a title, found nothing")
    if not title.isprintable():
        raise BadInput("expected a title in one line, found an unprintable character")
    if len(title) > _LONGEST_TITLE:
        raise BadInput(f"expected a title of at most {_LONGEST_TITLE} characters, found {len(title)}")
    return title


def check_object(value: str) -> str:
    """Return a valid title of an object, from which the name of a variable can be derived.

    Raises:
        BadInput: The title is not valid, or has no Latin letters.
    """
    title = check_title(value)
    name = id_from(title)
    if not name or name in ("api", "url", "os"):
        raise BadInput(f"expected a title with Latin letters, such as Contact, found {title!r}")
    return title


def check_auth(value: str) -> str:
    """Return a kind of authentication in lower case.

    Raises:
        BadInput: There is no such kind.
    """
    kind = value.strip().lower()
    if kind not in AUTHENTICATIONS:
        raise BadInput(f"expected one of {', '.join(AUTHENTICATIONS)}, found {value!r}")
    return kind


def check_url(value: str) -> str:
    """Return a base URL without a slash at its end.

    Raises:
        BadInput: The value is not a plain HTTP URL.
    """
    url = value.strip()
    if not _URL.fullmatch(url):
        raise BadInput("expected a URL like https://api.example.com/v1, found something else")
    return url.rstrip("/")


def check_id(value: str, other: str | None = None) -> str:
    """Return an id that is a valid name of a module.

    Args:
        value: The id.
        other: The id of the other function, which must differ.

    Raises:
        BadInput: The id is not valid, or names an existing file.
    """
    name = value.strip()
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or keyword.iskeyword(name) or len(name) > _LONGEST_ID:
        expected = f"a letter, then letters, digits or _, at most {_LONGEST_ID}, and not a keyword of Python"
        raise BadInput(f"expected {expected}, found {value!r}")
    if not _is_free(name, other):
        raise BadInput(f"expected an unused id, found {name!r}, which is taken")
    return name


def _is_free(name: str, other: str | None) -> bool:
    """Return whether no other file has the name, also where file names ignore case."""
    return name.lower() not in (*_TAKEN, (other or "").lower())


def _title_from(name: str) -> str | None:
    """Return a title from a folder's name, None if the name is not a valid title."""
    try:
        title = check_title(" ".join(re.split(r"[\s_.-]+", name)))
    except BadInput:
        return None
    return title[:1].upper() + title[1:]
