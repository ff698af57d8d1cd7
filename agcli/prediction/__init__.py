"""A trained model in use: columns in, predictions in the data's own terms out."""

from .output_decoding import Answers, Classes, Numbers, Reading
from .predictor import Predictor
from .target_encoding import SetTerms, TableTerms, Terms, terms_of

__all__ = ["Answers", "Classes", "Numbers", "Predictor", "Reading", "SetTerms", "TableTerms", "Terms", "terms_of"]
