from usage_pipeline.crm import contract
from usage_pipeline.scores import evidence
from usage_pipeline.segments import cohorts


def test_every_evidence_state_that_a_score_can_have_is_an_option_of_its_field():
    assert set(contract.EVIDENCE) == {state.value for state in evidence.State}


def test_every_cohort_is_an_option_of_its_field():
    assert set(contract.COHORTS) == {cohort.value for cohort in cohorts.Cohort}
