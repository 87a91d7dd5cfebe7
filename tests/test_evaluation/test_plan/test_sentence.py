"""The plan of a test in a sentence."""
import pytest

from mmseg_rppgd.evaluation import make_plan
from mmseg_rppgd.evaluation.plan.sentence import plan_sentence

PLAN = make_plan(attacks=['PGD', 'CosPGD'], steps=[3, 10],
                 minimal=['DeepFool'])
LATER = 'how long they take is said when the first images have been attacked.'


@pytest.mark.parametrize('given, sentence', [
    ((PLAN, 500, 4, 3, 2, 12345.4, 12345.4),
     'Plan: 5 rows (clean and 4 attacks) x 500 images, 1 search for the '
     'smallest perturbation, a transfer matrix of 3 models, self-checks that '
     'attack 4 images. That is 12,345 attack steps x images, shared by 2 '
     f'processes; {LATER}'),
    ((make_plan(attacks=['FGSM']), 1, 0, 1, 1, 3, 3),
     'Plan: 2 rows (clean and 1 attack) x 1 image. That is 3 attack steps x '
     f'images; {LATER}'),
    ((make_plan(attacks=['FGSM']), 2000, 1, 1, 1, 6000, 1500),
     'Plan: 2 rows (clean and 1 attack) x 2,000 images, self-checks that '
     'attack 1 image. That is 6,000 attack steps x images, 1,500 of them '
     f'left to do; {LATER}'),
    ((make_plan(attacks=['FGSM']), 5, 0, 1, 1, 15, 0),
     'Plan: 2 rows (clean and 1 attack) x 5 images. That is 15 attack steps x '
     'images, and all of it is done already.')])
def test_plan(given, sentence):
    assert plan_sentence(*given) == sentence
