"""botocore: what the server refuses arrives as the typed exception of its service. The refusals to provoke
come as JSON on standard input; what this botocore is too old to know is told on standard output."""

import json
import os
import sys

try:
    from botocore import config, exceptions, session
except ImportError:  # Debian's command line client carries one of its own, and makes it known
    import awscli.botocore
    from botocore import config, exceptions, session

made = session.get_session()
failed = 0


def judge(case):
    client = made.create_client(
        case["service"],
        endpoint_url=os.environ["STREAMCAT_URL"],
        aws_access_key_id=case.get("accessKeyId"),
        aws_secret_access_key=case.get("secret"),
        # What breaks a rule must get as far as the server.
        config=config.Config(parameter_validation=False),
    )
    operations = {client.meta.method_to_api_mapping[m]: m for m in client.meta.method_to_api_mapping}
    if case["operation"] not in operations:
        return "unknown"
    try:
        getattr(client, operations[case["operation"]])(**case["input"])
        return "accepted"
    except exceptions.ClientError as e:
        error, answer = e, e.response
    code, message = answer["Error"]["Code"], answer["Error"]["Message"]
    if code != case["exception"] or answer["ResponseMetadata"]["HTTPStatusCode"] != case["status"]:
        return f"{code}: {message}"
    if case["says"] not in message:
        return f"the message is {message!r}"
    if not case["modelled"]:
        return ""
    if not isinstance(error, getattr(client.exceptions, case["exception"])):
        return f"it is a {type(error)}"
    if case["service"] != "ivschat" and answer.get("exceptionMessage") != message:
        return f"its own message is {answer.get('exceptionMessage')!r}"
    for name, want in (case.get("members") or {}).items():
        if answer.get(name) != want:
            return f"{name} is {answer.get(name)!r}"
    if case.get("field") and answer["fieldList"][0]["name"] != case["field"]:
        return f"fields are {answer['fieldList']}"
    return ""


for case in json.load(sys.stdin):
    name = f"{case['service']} {case['operation']} {case['exception']}"
    known = case["service"] in made.get_available_services()
    problem = judge(case) if known else "unknown"
    if problem == "unknown":
        print(name)
    elif problem:
        failed = 1
        print(f"{name}: {problem}", file=sys.stderr)
sys.exit(failed)
