"""Messages of remote write and remote read for Google's library, described field by field: the oracle of our codec."""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

FIELD = descriptor_pb2.FieldDescriptorProto
TEXT, NUMBER, DOUBLE, INNER = FIELD.TYPE_STRING, FIELD.TYPE_INT64, FIELD.TYPE_DOUBLE, FIELD.TYPE_MESSAGE
SHAPES = {  # prometheus prompb/types.proto and remote.proto: a field's name, number, kind, and what it repeats
    "Label": [("name", 1, TEXT, ""), ("value", 2, TEXT, "")],
    "Sample": [("value", 1, DOUBLE, ""), ("timestamp", 2, NUMBER, "")],
    "TimeSeries": [("labels", 1, INNER, "Label"), ("samples", 2, INNER, "Sample")],
    "WriteRequest": [("timeseries", 1, INNER, "TimeSeries")],
    "QueryResult": [("timeseries", 1, INNER, "TimeSeries")],
    "ReadResponse": [("results", 1, INNER, "QueryResult")],
    "Matcher": [("type", 1, FIELD.TYPE_INT32, ""), ("name", 2, TEXT, ""), ("value", 3, TEXT, "")],
    "Query": [("start", 1, NUMBER, ""), ("end", 2, NUMBER, ""), ("matchers", 3, INNER, "Matcher")],
    "ReadRequest": [("queries", 1, INNER, "Query")],
}


def message(name: str) -> type:
    """Return the class of one of SHAPES, of a pool of its own."""
    file = descriptor_pb2.FileDescriptorProto(name="remote.proto", package="oracle", syntax="proto3")
    for one, fields in SHAPES.items():
        described = file.message_type.add(name=one)
        for label, number, kind, inner in fields:
            many = FIELD.LABEL_REPEATED if inner else FIELD.LABEL_OPTIONAL
            described.field.add(
                name=label, number=number, type=kind, label=many, type_name=f".oracle.{inner}" if inner else None
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"oracle.{name}"))
