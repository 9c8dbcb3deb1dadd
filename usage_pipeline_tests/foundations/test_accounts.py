import pytest

from usage_pipeline.accounts import domain_of


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("https://www.Acme.com/pricing", "acme.com"),
        ("jo@mail.acme.co.uk", "mail.acme.co.uk"),
        ("acme.com:443", "acme.com"),
        ("jo@gmail.com", None),
        ("Acme", None),
        ("", None),
        (None, None),
    ],
)
def test_the_company_domain_is_what_two_systems_agree_on(text, domain):
    assert domain_of(text) == domain
