"""Two OAuth2 clients of a component must not have their keys in one credential field."""

from pathlib import Path

import pytest

from tests.unit.tools.validation.descriptors import MODULE, descriptor, fields, in_folder, pointers_and_messages

FIRST = 'A = OAuth2("https://a.example.com/token", client_id="a")\n'
OTHERS = {
    "OAuth2": 'B = OAuth2("https://b.example.com/token", client_id="b")\n',
    "Api": 'B = Api("https://b.example.com", token_url="https://b.example.com/token", client_id="b")\n',
}
IMPORTS = "from shipmate import OAuth2\nfrom shipmate.kit import Api\n"
CREDENTIALS = fields(keys={"viewClass": "OAuthFieldView"})


@pytest.mark.parametrize("kind", OTHERS)
def test_two_clients_with_one_field_are_a_warning(tmp_path: Path, kind: str) -> None:
    """Whether the field is named or the default. An account may still use one of them only, so it is no error."""
    given = descriptor(credentials=CREDENTIALS)
    report = in_folder(tmp_path, given, go=IMPORTS + FIRST + OTHERS[kind] + MODULE)
    [(pointer, message)] = pointers_and_messages(report.warnings)
    assert pointer == "/credentials/fields/keys"
    assert "found 'keys' for two clients, whose token_url and client_id differ: give one of them field=..." in message


@pytest.mark.parametrize(
    "other",
    [
        'B = OAuth2("https://b.example.com/token", client_id="b", field="more")\n',
        'B = OAuth2("https://a.example.com/token", client_id="a", refresh="every_access")\n',
        'B = Api("https://b.example.com", header="X-Key: {key}")\n',
        'B = Api("https://b.example.com", auth="basic", basic="{user}:{pin}")\n',
        'B = Api("https://b.example.com")\n',
    ],
)
def test_other_fields_clients_and_accounts_are_no_problem(tmp_path: Path, other: str) -> None:
    """A session without OAuth2 keeps no keys."""
    given = descriptor(credentials=fields(keys={"viewClass": "OAuthFieldView"}, key={}, user={}, pin={}))
    assert in_folder(tmp_path, given, go=IMPORTS + FIRST + other + MODULE).warnings == ()
