#!/usr/bin/env python3
"""What examples/sagemaker asks of SageMaker, checked offline against botocore's own model of the service.

    sagemaker_requests.py launch LOG     launch.py: every command, by --dry-run and as calls; its regexes on gcmc train's LOG
    sagemaker_requests.py v2|v3          estimator_v2.py or trainer_v3.py, where that SDK is installed

Nothing leaves this machine: botocore's _make_api_call is replaced by one that checks a request (members, types, lengths,
patterns, enumerations) and answers it. tests/sagemaker_sdk.sh makes the environments.
"""
import contextlib
import datetime
import io
import json
import os
import re
import runpy
import sys
import tempfile
from pathlib import Path
from unittest import mock

import botocore.client
import botocore.session
from botocore.validate import validate_parameters

os.environ.update(AWS_ACCESS_KEY_ID="none", AWS_SECRET_ACCESS_KEY="none", AWS_DEFAULT_REGION="eu-west-1",
                  AWS_EC2_METADATA_DISABLED="true")
FOLDER = Path(__file__).resolve().parent.parent / "examples" / "sagemaker"
SERVICE = botocore.session.get_session().get_service_model("sagemaker")
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/gcmc:cpu"
ROLE = "arn:aws:iam::123456789012:role/sagemaker"
JAVA_CLASSES = re.compile(r"\\p\{([LNZ])\}")
BUCKET = {"Name": "sagemaker-eu-west-1-123456789012", "CreationDate": datetime.datetime.now()}
OTHER_SERVICES = {"GetCallerIdentity": {"Account": "123456789012", "Arn": ROLE, "UserId": "x"},
                  "ListBuckets": {"Buckets": [BUCKET]}, "DescribeLogStreams": {"logStreams": []}}
DGL_REGEX = r"Best Iter Idx=[0-9\.]+, Best Valid RMSE=[0-9\.]+, Best Test RMSE=([0-9\.]+)"


def check(value, shape, where):
    """What botocore leaves to the service: patterns and enumerations."""
    if shape.type_name == "structure":
        for name, member in value.items():
            check(member, shape.members[name], f"{where}.{name}")
    elif shape.type_name == "list":
        for member in value:
            check(member, shape.member, f"{where}[]")
    elif shape.type_name == "map":
        for key, member in value.items():
            check(key, shape.key, f"{where} key")
            check(member, shape.value, f"{where}[{key}]")
    elif shape.type_name == "string":
        assert not shape.enum or value in shape.enum, f"{where}: {value!r} is none of {shape.enum}"
        pattern = JAVA_CLASSES.sub(lambda found: {"L": "a-zA-Z", "N": "0-9", "Z": " "}[found[1]],
                                   shape.metadata.get("pattern", ""))
        assert not pattern or re.fullmatch(pattern, value), f"{where}: {value!r} does not match {pattern}"


def validate(operation, request):
    shape = SERVICE.operation_model(operation).input_shape
    validate_parameters(request, shape)
    check(request, shape, operation)


class Aws:
    """Answers what a script asks, and keeps each request to SageMaker that makes or deletes something."""

    def __init__(self, absent=()):
        self.requests = []
        self.absent = absent

    def answer(self, client, operation, request):
        if client.meta.service_model.service_name != "sagemaker":
            return OTHER_SERVICES.get(operation, {})
        validate(operation, request)
        if operation == "DescribeTrainingJob":
            now = datetime.datetime.now(datetime.timezone.utc)
            return {"TrainingJobName": request["TrainingJobName"], "TrainingJobStatus": "Completed",
                    "TrainingJobArn": "arn:aws:sagemaker:eu-west-1:123456789012:training-job/x",
                    "SecondaryStatus": "Completed", "SecondaryStatusTransitions": [], "CreationTime": now,
                    "TrainingStartTime": now, "TrainingEndTime": now, "LastModifiedTime": now,
                    "ModelArtifacts": {"S3ModelArtifacts": "s3://b/jobs/x/output/model.tar.gz"},
                    "StoppingCondition": {"MaxRuntimeInSeconds": 1}, "AlgorithmSpecification": {"TrainingInputMode": "File"},
                    "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.c5.2xlarge", "VolumeSizeInGB": 10}}
        self.requests.append((operation, request))
        if operation in self.absent:
            raise botocore.exceptions.ClientError(
                {"Error": {"Code": "ValidationException", "Message": 'Could not find endpoint "x".'}}, operation)
        return {"TrainingJobArn": "arn:aws:sagemaker:eu-west-1:123456789012:training-job/x"}


def run(script, *arguments, absent=()):
    """Runs a script as a program; returns the requests it made, and what it printed."""
    aws, printed = Aws(absent), io.StringIO()
    with mock.patch.object(botocore.client.BaseClient, "_make_api_call", lambda *given: aws.answer(*given)), \
            mock.patch.object(sys, "argv", [script, *arguments]), contextlib.redirect_stdout(printed):
        runpy.run_path(str(FOLDER / script), run_name="__main__")
    return aws.requests, printed.getvalue()


def refused(script, *arguments):
    with contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            run(script, *arguments)
        except SystemExit as end:
            assert end.code, arguments
            return said.getvalue() + str(end.code)
    raise AssertionError(f"{arguments} was taken")


def launched(*arguments):
    """A command's requests, which --dry-run prints and a call sends."""
    sent, _ = run("launch.py", *arguments)
    unsent, printed = run("launch.py", *arguments, "--dry-run")
    assert not unsent
    dry = [(operation, request) for step in json.loads(printed) for operation, request in step.items()]
    assert [("".join(word.capitalize() for word in name.split("_")), request) for name, request in dry] == sent
    return sent


def test_launch():
    common = ["--image", IMAGE, "--role", ROLE, "--name", "films"]
    job = [*common, "--output", "s3://b/jobs/"]

    [(operation, request)] = launched("train", *job)
    assert operation == "CreateTrainingJob" and "InputDataConfig" not in request and "CheckpointConfig" not in request
    assert request["HyperParameters"] == {}  # the container's own: ml-1m
    assert request["Tags"] == [{"Key": "ML Task", "Value": "GCMC"}]
    [(_, request)] = launched("train", *job, "-p", "train_lr=0.02", "-p", "search=gcn_dropout=0.3..0.8", "-c",
                              "train=s3://b/ratings", "--input-mode", "FastFile", "--tag", "team=films")
    assert request["HyperParameters"] == {"train_lr": "0.02", "search": "gcn_dropout=0.3..0.8"}
    assert request["InputDataConfig"][0]["ChannelName"] == "train"
    assert request["InputDataConfig"][0]["InputMode"] == request["AlgorithmSpecification"]["TrainingInputMode"] == "FastFile"
    assert len(request["Tags"]) == 2
    [(_, request)] = launched("train", *job, "-p", "train-lr=0.02", "-c", "training=s3://b/ratings", "-c", "test=s3://b/test")
    assert request["HyperParameters"] == {"train_lr": "0.02"} and len(request["InputDataConfig"]) == 2

    [(_, request)], _ = run("launch.py", "train", "--image", IMAGE, "--role", ROLE, "--output", "s3://b/jobs")
    assert request["TrainingJobName"].startswith("gcmc-")

    [(_, request)] = launched("spot", *job, "--hours", "2", "--wait-hours", "3")
    assert request["EnableManagedSpotTraining"] and request["CheckpointConfig"] == {"S3Uri": "s3://b/jobs/films/checkpoints"}
    assert request["StoppingCondition"] == {"MaxRuntimeInSeconds": 7200, "MaxWaitTimeInSeconds": 18000}

    [(operation, request)] = launched("tune", *job, "-p", "train_max_iter=500", "-p", "train_lr=1", "--range",
                                      "train_lr=0.003..0.03:log", "--range", "gcn_agg_units=100..500", "--range",
                                      "gcn_agg_accum=stack,sum", "--range", "gcn_dropout=0.3..0.8")
    assert operation == "CreateHyperParameterTuningJob"
    config = request["HyperParameterTuningJobConfig"]
    assert config["Strategy"] == "Hyperband" and config["TrainingJobEarlyStoppingType"] == "Off"
    assert config["StrategyConfig"]["HyperbandStrategyConfig"] == {"MinResource": 50, "MaxResource": 500}
    assert config["HyperParameterTuningJobObjective"] == {"Type": "Minimize", "MetricName": "validation:rmse"}
    assert config["ParameterRanges"] == {
        "ContinuousParameterRanges": [
            {"Name": "train_lr", "MinValue": "0.003", "MaxValue": "0.03", "ScalingType": "Logarithmic"},
            {"Name": "gcn_dropout", "MinValue": "0.3", "MaxValue": "0.8", "ScalingType": "Linear"}],
        "IntegerParameterRanges": [{"Name": "gcn_agg_units", "MinValue": "100", "MaxValue": "500", "ScalingType": "Linear"}],
        "CategoricalParameterRanges": [{"Name": "gcn_agg_accum", "Values": ["stack", "sum"]}]}
    definition = request["TrainingJobDefinition"]
    assert definition["StaticHyperParameters"] == {
        "train_max_iter": "500", "train_valid_interval": "1", "train_log_interval": "1"}
    assert "validation:rmse" in [metric["Name"] for metric in definition["AlgorithmSpecification"]["MetricDefinitions"]]

    model = [*common, "--model", "s3://b/jobs/films/output/model.tar.gz"]
    made = launched("deploy", *model)
    assert [operation for operation, _ in made] == ["CreateModel", "CreateEndpointConfig", "CreateEndpoint"]
    assert made[0][1]["PrimaryContainer"] == {"Image": IMAGE, "ModelDataUrl": model[-1]}
    assert made[1][1]["ProductionVariants"][0]["InitialInstanceCount"] == 1
    made = launched("serverless", *model, "--memory", "4096")
    assert made[1][1]["ProductionVariants"][0]["ServerlessConfig"] == {"MemorySizeInMB": 4096, "MaxConcurrency": 5}
    assert "InstanceType" not in made[1][1]["ProductionVariants"][0]

    made = launched("transform", *model, "--input", "s3://b/pairs.csv", "--output", "s3://b/rated", "--join")
    assert [operation for operation, _ in made] == ["CreateModel", "CreateTransformJob"]
    assert made[1][1]["BatchStrategy"] == "MultiRecord" and made[1][1]["DataProcessing"] == {"JoinSource": "Input"}

    assert len(launched("delete", "--name", "films")) == 3
    made, printed = run("launch.py", "delete", "--name", "films", absent=("DeleteEndpoint",))
    assert len(made) == 3 and "there is none" in printed

    assert "NAME=VALUE" in refused("launch.py", "train", *job, "-p", "train_lr")
    for values in ("train_lr=3..1", "train_lr=0..1:log"):
        assert "LOW..HIGH" in refused("launch.py", "tune", *job, "--range", values)
    assert "none is train" in refused("launch.py", "train", *job, "-c", "test=s3://b/test")
    search = ("tune", *job, "--range", "train_lr=0.003..0.03")
    assert "below train_max_iter" in refused("launch.py", *search, "-p", "train_max_iter=50.0")
    assert "no range" in refused("launch.py", *search, "--range", "train-max-iter=10..100")
    print("launch.py: the requests of 7 commands are what botocore's model of SageMaker allows")


def test_metrics(log):
    """The regexes as CloudWatch applies them, a line at a time."""
    lines = Path(log).read_text().splitlines()
    iterations = [line for line in lines if line.startswith("Iter=")]
    metrics = {metric["Name"]: metric["Regex"] for metric in runpy.run_path(str(FOLDER / "launch.py"))["METRICS"]}
    found = {name: [float(value) for line in lines for value in re.findall(regex, line)] for name, regex in metrics.items()}
    assert len(iterations) > 1, "the log has no iterations"
    assert len(found["validation:rmse"]) == len(found["train:rmse"]) == len(iterations), found
    assert len(found["test:rmse"]) == 1 and metrics["test:rmse"] == DGL_REGEX
    best = re.findall(r"Best Valid RMSE=([0-9.]+)", lines[-1])
    assert min(found["validation:rmse"]) == float(best[0])
    assert all(0 < value < 5 for values in found.values() for value in values)
    print(f"metrics: {len(iterations)} iterations' validation RMSE, best {best[0]}; test RMSE {found['test:rmse'][0]}")


def test_sdk(script):
    for channels in ([], ["train=s3://b/ratings"]):
        [(operation, request)], printed = run(script, IMAGE, ROLE, *channels)
        assert operation == "CreateTrainingJob"
        assert request["AlgorithmSpecification"]["TrainingImage"] == IMAGE
        assert not {"ContainerEntrypoint", "ContainerArguments"} & set(request["AlgorithmSpecification"]), request
        assert request["RoleArn"] == ROLE
        assert request["HyperParameters"] == {"data_name": "ml-1m", "save_dir": "/opt/ml/model/"}, request
        assert request["Tags"] == [{"Key": "ML Task", "Value": "GCMC"}], request
        [metric] = request["AlgorithmSpecification"]["MetricDefinitions"]
        assert metric["Regex"] == r"Val RMSE=([0-9\.]+)"
        assert [given["ChannelName"] for given in request.get("InputDataConfig", [])] == ["train"] * len(channels), request
        assert "s3://b/jobs/x/output/model.tar.gz" in printed
    print(f"{script}: its request is what botocore's model of SageMaker allows")


def test(part, *rest):
    if part == "launch":
        test_launch()
        test_metrics(*rest)
    elif part == "v2":
        test_sdk("estimator_v2.py")
    else:  # SDK 3 asks IAM whether the role may be used
        with mock.patch("sagemaker.train.defaults.TrainDefaults.get_role", lambda role=None, sagemaker_session=None: role):
            test_sdk("trainer_v3.py")


def main():
    part, *rest = sys.argv[1:]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:  # the SDKs report to AWS unless told not to
        config.write("{SchemaVersion: '1.0', SageMaker: {PythonSDK: {Modules: {TelemetryOptOut: true}}}}")
        config.flush()
        os.environ["SAGEMAKER_USER_CONFIG_OVERRIDE"] = config.name
        test(part, *rest)


if __name__ == "__main__":
    main()
