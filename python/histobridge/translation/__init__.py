"""Translation: from the image to expression."""

from histobridge.translation.base import Translator
from histobridge.translation.saved import load_model, read_model_facts, save_model
from histobridge.translation.target import LogCP10k
from histobridge.translation.verbs import predict_expression, train_translation

__all__ = [
    "LogCP10k",
    "Translator",
    "load_model",
    "predict_expression",
    "read_model_facts",
    "save_model",
    "train_translation",
]
