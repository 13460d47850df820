#!/usr/bin/env python3
"""Trains, tunes, deploys and asks gcmc on Amazon SageMaker, with boto3 alone.

    launch.py train      --image IMAGE --role ROLE --output s3://bucket/jobs [-p train_lr=0.02 ...] [-c train=s3://...]
    launch.py spot       the same on spare capacity: cheaper, may be cut, goes on from its checkpoint
    launch.py tune       Hyperband over --range train_lr=0.003..0.03:log, judged by the validation RMSE
    launch.py deploy     an endpoint on an instance that is always on
    launch.py serverless an endpoint that costs while it answers
    launch.py transform  ratings for a file of user,item lines in S3
    launch.py delete     the endpoint, its configuration and its model

Every command takes --dry-run, which prints its requests as JSON and calls nothing. `launch.py train --help` says more.
"""
import argparse
import json
import os
import sys
import time

# What CloudWatch and the tuner read from the training's output. The tuner judges by what is validated: whoever tunes on the
# test RMSE has nothing left to test with.
OBJECTIVE = "validation:rmse"
METRICS = [
    {"Name": "train:rmse", "Regex": r", rmse=([0-9\.]+)"},
    {"Name": OBJECTIVE, "Regex": r"Val RMSE=([0-9\.]+)"},
    {"Name": "test:rmse", "Regex": r"Best Iter Idx=[0-9\.]+, Best Valid RMSE=[0-9\.]+, Best Test RMSE=([0-9\.]+)"},
]
HOUR = 3600


def pair(text):
    """NAME=VALUE as (NAME, VALUE)."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def parameter_range(text):
    """A range as `gcmc tune --search` writes it, as (kind, range) in SageMaker's words."""
    name, values = pair(text)
    name = name.replace("-", "_")
    if ".." not in values:
        return "CategoricalParameterRanges", {"Name": name, "Values": values.split(",")}
    bounds, _, scale = values.partition(":")
    low, high = bounds.split("..", 1)
    try:
        whole = low.lstrip("-").isdigit() and high.lstrip("-").isdigit()
        if not float(low) < float(high) or scale not in ("", "log") or (scale and float(low) <= 0):
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is none of NAME=LOW..HIGH, NAME=LOW..HIGH:log above 0, NAME=A,B,C") from None
    return "IntegerParameterRanges" if whole else "ContinuousParameterRanges", {
        "Name": name, "MinValue": low, "MaxValue": high, "ScalingType": "Logarithmic" if scale else "Linear"}


def tags(options):
    return [{"Key": key, "Value": value} for key, value in options.tag]


def folder(options):
    """Where SageMaker puts what a job leaves."""
    return f"{options.output.rstrip('/')}/{options.name}"


def channel(name, uri, mode):
    return {"ChannelName": name, "InputMode": mode, "DataSource": {"S3DataSource": {
        "S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}}}


def job(options):
    """What a training job and the jobs of a tuner have in common."""
    wanted = {
        "AlgorithmSpecification": {
            "TrainingImage": options.image, "TrainingInputMode": options.input_mode, "MetricDefinitions": METRICS},
        "RoleArn": options.role,
        "OutputDataConfig": {"S3OutputPath": options.output},
        "ResourceConfig": {"InstanceType": options.instance, "InstanceCount": 1, "VolumeSizeInGB": options.volume},
        "StoppingCondition": {"MaxRuntimeInSeconds": options.hours * HOUR},
    }
    if options.channel:
        wanted["InputDataConfig"] = [channel(name, uri, options.input_mode) for name, uri in options.channel]
    if options.command == "spot":
        wanted["EnableManagedSpotTraining"] = True
        wanted["CheckpointConfig"] = {"S3Uri": options.checkpoints or f"{folder(options)}/checkpoints"}
        wanted["StoppingCondition"]["MaxWaitTimeInSeconds"] = (options.hours + options.wait_hours) * HOUR
    return wanted


def hyperparameters(options):
    """Those given, by names with _."""
    if options.channel and not {"train", "training"} & dict(options.channel).keys():
        sys.exit("launch.py: there are channels and none is train: nothing is downloaded then, so give -c train=S3 too")
    return {name.replace("-", "_"): value for name, value in options.parameter}


def train(options):
    return [("create_training_job", {
        "TrainingJobName": options.name, "HyperParameters": hyperparameters(options), "Tags": tags(options), **job(options)})]


def tune(options):
    fixed = hyperparameters(options)
    most = int(float(fixed.setdefault("train_max_iter", "2000")))
    if not options.min_iterations < most:
        sys.exit(f"launch.py: --min-iterations {options.min_iterations} is not below train_max_iter, {most}")
    for interval in "train_valid_interval", "train_log_interval":  # Hyperband counts the figures that a job prints
        fixed.setdefault(interval, "1")
    ranges = {}
    for kind, values in options.range:
        if values["Name"] == "train_max_iter":
            sys.exit("launch.py: Hyperband chooses how long a trial trains: give -p train_max_iter=MOST, and no range")
        ranges.setdefault(kind, []).append(values)
        fixed.pop(values["Name"], None)
    return [("create_hyper_parameter_tuning_job", {
        "HyperParameterTuningJobName": options.name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Hyperband",
            "StrategyConfig": {"HyperbandStrategyConfig": {"MinResource": options.min_iterations, "MaxResource": most}},
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": OBJECTIVE},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": options.jobs, "MaxParallelTrainingJobs": options.parallel},
            "ParameterRanges": ranges,
            "TrainingJobEarlyStoppingType": "Off",  # Hyperband stops jobs itself
        },
        "TrainingJobDefinition": {"StaticHyperParameters": fixed, **job(options)},
        "Tags": tags(options)})]


def model(options):
    return "create_model", {
        "ModelName": options.name, "ExecutionRoleArn": options.role, "Tags": tags(options),
        "PrimaryContainer": {"Image": options.image, "ModelDataUrl": options.model}}


def endpoint(options, machine):
    variant = {"VariantName": "gcmc", "ModelName": options.name, **machine}
    return [model(options),
            ("create_endpoint_config", {
                "EndpointConfigName": options.name, "ProductionVariants": [variant], "Tags": tags(options)}),
            ("create_endpoint", {
                "EndpointName": options.name, "EndpointConfigName": options.name, "Tags": tags(options)})]


def deploy(options):
    return endpoint(options, {"InstanceType": options.instance, "InitialInstanceCount": options.instances})


def serverless(options):
    return endpoint(options, {"ServerlessConfig": {"MemorySizeInMB": options.memory, "MaxConcurrency": options.concurrency}})


def transform(options):
    request = {
        "TransformJobName": options.name, "ModelName": options.name, "Tags": tags(options),
        "BatchStrategy": "MultiRecord", "MaxPayloadInMB": 6,
        "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": options.input}},
                           "ContentType": "text/csv", "SplitType": "Line"},
        "TransformOutput": {"S3OutputPath": options.output, "Accept": "text/csv", "AssembleWith": "Line"},
        "TransformResources": {"InstanceType": options.instance, "InstanceCount": 1}}
    if options.join:
        request["DataProcessing"] = {"JoinSource": "Input"}
    return [model(options), ("create_transform_job", request)]


def delete(options):
    return [("delete_endpoint", {"EndpointName": options.name}),
            ("delete_endpoint_config", {"EndpointConfigName": options.name}),
            ("delete_model", {"ModelName": options.name})]


def add_common(command, needs_image=True):
    if needs_image:
        command.add_argument("--image", required=True, help="its address in ECR, the last line of build_and_push.sh")
        command.add_argument("--role", default=os.environ.get("SAGEMAKER_ROLE"), required="SAGEMAKER_ROLE" not in os.environ,
                             help="ARN of the IAM role that SageMaker acts as (default: $SAGEMAKER_ROLE)")
        command.add_argument("--name", default=time.strftime("gcmc-%Y%m%d-%H%M%S"),
                             help="of the job, or of the endpoint and all that belongs to it (default: gcmc-DATE-TIME)")
        command.add_argument("--tag", type=pair, action="append", default=[("ML Task", "GCMC")], metavar="KEY=VALUE",
                             help="a tag, by which bills can be told apart; beside 'ML Task=GCMC'")
    command.add_argument("--region", help="default: $AWS_REGION, else the AWS configuration's")
    command.add_argument("--dry-run", action="store_true", help="print the requests as JSON and call nothing")


def add_job(command):
    command.add_argument("--output", required=True, metavar="S3", help="the model is at S3/NAME/output/model.tar.gz")
    command.add_argument("-p", "--parameter", type=pair, action="append", default=[], metavar="NAME=VALUE",
                         help="an option of gcmc train, with _ for -")
    command.add_argument("-c", "--channel", type=pair, action="append", default=[], metavar="NAME=S3",
                         help="own data: train, test, validation or features; without any, data_name (ml-1m) is downloaded")
    command.add_argument("--input-mode", choices=("File", "FastFile"), default="File",
                         help="File copies the channels first; FastFile fetches them as they are read")
    command.add_argument("--instance", default="ml.c5.2xlarge",
                         help="default: ml.c5.2xlarge; a GPU: ml.g5.xlarge and the cuda image")
    command.add_argument("--volume", type=int, default=10, metavar="GB", help="disk (default: 10)")
    command.add_argument("--hours", type=int, default=4, help="at most; then the best model so far is kept (default: 4)")


def add_model(command, instance=None):
    command.add_argument("--model", required=True, metavar="S3", help="a training's model.tar.gz")
    if instance:
        command.add_argument("--instance", default=instance, help=f"default: {instance}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(call, text, name=None):
        command = commands.add_parser(name or call.__name__, help=text, description=text)
        command.set_defaults(requests=call)
        return command

    for name, text in (("train", "one training job"), ("spot", "one training job on spare capacity, with checkpoints")):
        command = add(train, text, name)
        add_common(command)
        add_job(command)
        if name == "spot":
            command.add_argument("--wait-hours", type=int, default=4, help="beyond --hours, for capacity (default: 4)")
            command.add_argument("--checkpoints", metavar="S3",
                                 help="default: OUTPUT/NAME/checkpoints; with an earlier job's, that training goes on")
    command = add(tune, "a search by Hyperband, each trial a job; gcmc also searches inside one job: -p search=... on train")
    add_common(command)
    add_job(command)
    command.add_argument("--range", type=parameter_range, action="append", required=True, metavar="NAME=VALUES",
                         help="LOW..HIGH, LOW..HIGH:log or A,B,C, once for each option that is searched; 1..3 are whole "
                              "numbers, 0.0..1.0 any")
    command.add_argument("--jobs", type=int, default=20, help="trials (default: 20)")
    command.add_argument("--parallel", type=int, default=4, help="trials at the same time (default: 4)")
    command.add_argument("--min-iterations", type=int, default=50,
                         help="no trial is stopped before (default: 50); train_max_iter, 2000 by default, is the most")

    command = add(deploy, "an endpoint on instances")
    add_common(command)
    add_model(command, "ml.c5.large")
    command.add_argument("--instances", type=int, default=1, help="default: 1")
    command = add(serverless, "an endpoint without instances: the cpu image, requests up to 4 MB")
    add_common(command)
    add_model(command)
    command.add_argument("--memory", type=int, default=2048, choices=range(1024, 6145, 1024), help="MB (default: 2048)")
    command.add_argument("--concurrency", type=int, default=5, help="requests at a time (default: 5)")
    command = add(transform, "ratings for files of user,item lines, one rating a line in the same order")
    add_common(command)
    add_model(command, "ml.c5.xlarge")
    command.add_argument("--input", required=True, metavar="S3", help="a file or prefix; no header lines")
    command.add_argument("--output", required=True, metavar="S3", help="INPUT.out is written there")
    command.add_argument("--join", action="store_true", help="write user,item,rating")
    command = add(delete, "the endpoint NAME, its configuration and its model; what is absent is passed over")
    add_common(command, needs_image=False)
    command.add_argument("--name", required=True)
    return parser.parse_args()


def call(client, operation, request):
    from botocore.exceptions import ClientError
    try:
        getattr(client, operation)(**request)
    except ClientError as error:
        if not (operation.startswith("delete_") and "Could not find" in str(error)):
            raise
        print(f"{operation}: there is none")
    else:
        print(operation, next(iter(request.values())))


def main():
    options = arguments()
    requests = options.requests(options)
    if options.dry_run:
        print(json.dumps([{operation: request} for operation, request in requests], indent=2))
        return
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError
    try:
        client = boto3.client("sagemaker", region_name=options.region or os.environ.get("AWS_REGION"))
        for operation, request in requests:
            call(client, operation, request)
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"launch.py: {error}")
    if options.command in ("train", "spot"):
        print(f"the model will be {folder(options)}/output/model.tar.gz")


if __name__ == "__main__":
    main()
