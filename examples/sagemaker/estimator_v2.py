#!/usr/bin/env python3
"""Trains gcmc on SageMaker with the Python SDK 2 (pip install 'sagemaker<3'), as the DGL notebook did.

    estimator_v2.py IMAGE ROLE [CHANNEL=S3 ...]     for example train=s3://bucket/ratings.csv; without one, ml-1m

IMAGE is the last line of build_and_push.sh; ROLE the ARN of the IAM role that SageMaker acts as.
"""
import sys

from sagemaker.estimator import Estimator

if len(sys.argv) < 3:
    sys.exit(__doc__)
image, role, *channels = sys.argv[1:]
estimator = Estimator(
    image_uri=image,
    role=role,
    instance_count=1,
    instance_type="ml.c5.2xlarge",  # ml.g5.xlarge with the cuda image
    hyperparameters={"data_name": "ml-1m", "save_dir": "/opt/ml/model/"},  # options of gcmc train, with _ for -
    metric_definitions=[{"Name": "validation:rmse", "Regex": r"Val RMSE=([0-9\.]+)"}],
    tags=[{"Key": "ML Task", "Value": "GCMC"}],
    max_run=4 * 3600,
)
estimator.fit(dict(channel.split("=", 1) for channel in channels) or None)
print(estimator.model_data)
# An endpoint: estimator.deploy(1, "ml.c5.large", serializer=CSVSerializer()). Costs until its delete_endpoint().
