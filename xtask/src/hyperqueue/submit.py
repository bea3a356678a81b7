"""Submits a job definition file to a HyperQueue server with one worker, both of this process, and waits for its end.

PyPI's package holds server, worker and client, and not the program `hq`, which alone reads such files. So this reads
the file as `hq job submit-file` does and hands each task to the client: number, command, needs, resources, crash limit.
Usage: submit.py FILE CORES FOLDER; prints the job's number and how many tasks it has.
"""

import json
import sys
import tomllib
from pathlib import Path

from hyperqueue import Job, LocalCluster
from hyperqueue.cluster import WorkerConfig
from hyperqueue.ffi.protocol import ResourceRequest

file, cores, folder = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]).resolve()
definition = tomllib.loads(file.read_text())
job = Job(name=definition["name"], default_workdir=folder, max_fails=None)
tasks = {}
for place, task in enumerate(definition["task"]):
    # The client numbers tasks by their order, and lacuna finds its task by that number.
    assert task["id"] == place, f"task {task['id']}: expected the number {place}"
    (request,) = task["request"]
    tasks[place] = job.program(
        task["command"],
        deps=[tasks[need] for need in task["deps"]],
        resources=ResourceRequest(cpus=request["resources"]["cpus"]),
        crash_limit=task["crash_limit"],
    )
with LocalCluster(str(folder / "server")) as cluster:
    cluster.start_worker(WorkerConfig(cores=cores))
    client = cluster.client()
    submitted = client.submit(job)
    client.wait_for_jobs([submitted])
    print(json.dumps({"job": submitted.id, "tasks": len(tasks)}))
