"""Events that name people only reach their accounts by the table of users, and by it alone."""

import own_files
import pytest
from own_files import begin, part


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "files"
    own_files.write_accounts(folder)
    own_files.write_users(folder)
    return folder


def test_the_person_is_the_column_whose_values_the_table_of_users_holds(tmp_path, folder):
    rows = [[moment, f"tool-{person[-4:]}", person, action] for moment, _, person, action in own_files.uses()]
    own_files.write(folder / "events.csv", ["Timestamp", "Person ID", "Distinct ID", "Action"], rows)
    begun = begin(folder, tmp_path)
    assert any("`Distinct ID` joins `users.User ID`" in join for join in part(begun, "events").joins)
    assert begun.is_ready
    assert begun.trial.of_known_users == begun.trial.with_user == begun.trial.accepted


def test_events_of_which_none_can_get_an_account_are_not_ready(tmp_path, folder):
    rows = [[moment, f"tool-{person[-4:]}", action] for moment, _, person, action in own_files.uses()]
    own_files.write(folder / "events.csv", ["Timestamp", "Person ID", "Action"], rows)
    begun = begin(folder, tmp_path)
    assert any("name the column that holds their user_id" in each for each in part(begun, "events").questions)
    assert not begun.is_ready
    assert "no event would count" in begun.trial.problems[0]
