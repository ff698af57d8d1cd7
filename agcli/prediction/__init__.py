"""A trained model in use: columns in, predictions in the data's own terms out."""

from .predictor import Predictor
from .reading import Answers, Classes, Numbers, Reading
from .terms import SetTerms, TableTerms, Terms, terms_of

__all__ = ["Answers", "Classes", "Numbers", "Predictor", "Reading", "SetTerms", "TableTerms", "Terms", "terms_of"]
