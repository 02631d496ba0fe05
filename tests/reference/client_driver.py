"""Calls what it is told on its input, a line of JSON a call, and tells on its output what became of it.

Arguments: the client, the addresses of both surfaces, login, key, nick, password, options as JSON.
"""

import importlib.util
import json
import sys

_, file, apih, json_php, login, key, nick, password, options = sys.argv
sys.dont_write_bytecode = True
spec = importlib.util.spec_from_file_location("vartai_client", file)
client = importlib.util.module_from_spec(spec)
spec.loader.exec_module(client)
options = json.loads(options)
clients = {
    "apih": client.Gateway(login, key, url=apih, **options),
    "json": client.Servers(nick, password, url=json_php, **options),
}
for line in sys.stdin:
    ask = json.loads(line)
    try:
        answer = getattr(clients[ask["surface"]], ask["command"])(**ask["fields"])
        notice = client.code_of(answer) if isinstance(answer, dict) else None
        said = {"answer": answer, "notice": notice and notice._asdict()}
    except client.Refused as refused:
        said = {
            "refused": refused.meaning._asdict(),
            "status": refused.status,
            "text": str(refused),
            "requestid": refused.requestid,
        }
    except client.NoAnswer as none:
        said = {"none": str(none), "requestid": none.requestid}
    except TypeError as wrong:
        said = {"wrong": str(wrong)}
    print(json.dumps(said), flush=True)
