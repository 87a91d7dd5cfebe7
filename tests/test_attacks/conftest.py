"""Small victims in float64 and data for them."""
import pytest
import torch
from toy_models import NUM_CLASSES, LinearVictim, ToySegmentor


@pytest.fixture
def model():
    return ToySegmentor().double().train()


@pytest.fixture
def linear_victim():
    return LinearVictim()


@pytest.fixture
def images():
    return torch.rand(2, 3, 8, 10, dtype=torch.float64)


@pytest.fixture
def labels(model, images):
    """Mostly what the model predicts, some noise, some ignored pixels."""
    labels = model.eval()(images).logits.argmax(1)
    model.train()
    noise = torch.rand(labels.shape)
    labels[noise < .2] = torch.randint(NUM_CLASSES, labels.shape)[noise < .2]
    labels[:, :2, :3] = 255
    return labels
