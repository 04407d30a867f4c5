"""clickhouse-connect against the gate: reads without credentials, writes with them."""

import sys

import clickhouse_connect

port, password = int(sys.argv[1]), sys.argv[2]
with clickhouse_connect.get_client(host="localhost", port=port) as client:
    assert client.query("SELECT count() FROM t").result_rows == [(2,)]
    assert client.query("SELECT b FROM t WHERE a = {a:UInt32}", parameters={"a": 2}).result_rows == [("b",)]
    with client.query_rows_stream("SELECT number FROM numbers(5000)") as rows:
        assert sum(1 for _ in rows) == 5000
    try:
        client.insert("t", [[3, "c"]], column_names=["a", "b"])
        raise SystemExit("an insert without credentials passed")
    except clickhouse_connect.driver.exceptions.DatabaseError as error:
        assert "497" in str(error), error
with clickhouse_connect.get_client(host="localhost", port=port, username="writer", password=password) as client:
    client.insert("t", [[3, "c"]], column_names=["a", "b"])
    assert client.query("SELECT count() FROM t").result_rows == [(3,)]
print("ok")
