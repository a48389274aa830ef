"""Types that every floor shares: what JSON can say, and what flows between actions."""

from synapse_core.types.data import (
    COCODataset,
    Dataset,
    DataType,
    DMDataset,
    DMv1Dataset,
    DMv2Dataset,
    InferenceResults,
    Model,
    ModelWeights,
    ONNXModel,
    PascalVOCDataset,
    Result,
    TensorRTModel,
    TestResults,
    YOLODataset,
)
from synapse_core.types.json import JSONObject, JSONValue

__all__ = [
    "COCODataset",
    "DMDataset",
    "DMv1Dataset",
    "DMv2Dataset",
    "DataType",
    "Dataset",
    "InferenceResults",
    "JSONObject",
    "JSONValue",
    "Model",
    "ModelWeights",
    "ONNXModel",
    "PascalVOCDataset",
    "Result",
    "TensorRTModel",
    "TestResults",
    "YOLODataset",
]
