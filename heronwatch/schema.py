"""JSON Schema (draft 2020-12) of a configuration, from the same classes that decode it."""

import enum
from functools import singledispatchmethod
from typing import Any

import msgspec

from heronwatch.decode.bounds import BoundedShape
from heronwatch.decode.containers import DictShape, ListShape, TupleShape, UnionShape
from heronwatch.decode.findings import Shape
from heronwatch.decode.scalars import (
    BooleanShape,
    NothingShape,
    NumberShape,
    ParsedShape,
    PathShape,
    SecretShape,
    TextShape,
    WholeShape,
    WordShape,
)
from heronwatch.decode.shapes import Shapes
from heronwatch.decode.structs import ChosenShape, Field, StructShape
from heronwatch.errors import PluginError
from heronwatch.secrets import Secret

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_BOUNDS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
    "pattern": "pattern",
    "title": "title",
    "description": "description",
}
_LENGTHS = {
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}


def json_schema(cls: type) -> Schema:
    """Return the schema of what `heronwatch.config.load` accepts as `cls`, for editors.

    >>> json_schema(list[int])["items"]
    {'type': 'integer'}
    """
    writer = _Writer()
    schema = writer.of(Shapes().of(cls))
    return {"$schema": DIALECT, **schema, **({"$defs": writer.defs} if writer.defs else {})}


_ALWAYS: dict[type, Schema] = {
    NothingShape: {"type": "null"},
    BooleanShape: {"type": "boolean"},
    WholeShape: {"type": "integer"},
    NumberShape: {"type": "number"},
    PathShape: {"type": "string", "minLength": 1, "description": "a path, relative to this file's folder"},
    SecretShape: Secret.__schema__,
}


class _Writer:
    """Writes schemas of shapes; those of Structs once, under `$defs`."""

    def __init__(self) -> None:
        self.defs: dict[str, Schema] = {}
        self._names: dict[tuple[int, _Word | None], str] = {}

    @singledispatchmethod
    def of(self, shape: Shape) -> Schema:
        """Return the schema of a shape; of one that takes anything, the empty schema."""
        return dict(_ALWAYS.get(type(shape), {}))

    @of.register
    def _(self, shape: TextShape) -> Schema:
        return {"type": ["string", "number", "boolean"]} if shape.verbatim else {"type": ["string", "number"]}

    @of.register
    def _(self, shape: ParsedShape) -> Schema:
        return dict(getattr(shape.cls, "__schema__", {"type": ["string", "number", "boolean"]}))

    @of.register
    def _(self, shape: WordShape) -> Schema:
        values = [value.value if isinstance(value, enum.Enum) else value for value in shape.words.values()]
        return {"enum": values} | ({"title": shape.title} if shape.title else {})

    @of.register
    def _(self, shape: BoundedShape) -> Schema:
        schema = self.of(shape.inner)
        for name, keyword in _BOUNDS.items():
            value = getattr(shape.meta, name)
            if value is not None and not (isinstance(shape.inner, ParsedShape) and name in {"ge", "gt", "le", "lt"}):
                schema[keyword] = value
        least, most = _LENGTHS.get(_first_type(schema), _LENGTHS["string"])
        lengths = {least: shape.meta.min_length, most: shape.meta.max_length}
        return schema | {keyword: value for keyword, value in lengths.items() if value is not None}

    @of.register
    def _(self, shape: ListShape) -> Schema:
        schema = {"type": ["array", "null"], "items": self.of(shape.item)}
        return schema | ({"uniqueItems": True} if shape.make in {set, frozenset} else {})

    @of.register
    def _(self, shape: TupleShape) -> Schema:
        items = [self.of(item) for item in shape.items]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}

    @of.register
    def _(self, shape: DictShape) -> Schema:
        names = _key_schema(self.of(shape.key))
        schema: Schema = {"type": ["object", "null"], "additionalProperties": self.of(shape.value)}
        return schema | ({"propertyNames": names} if names else {})

    @of.register
    def _(self, shape: UnionShape) -> Schema:
        return {"anyOf": [self.of(member) for member in shape.members]}

    @of.register
    def _(self, shape: ChosenShape) -> Schema:
        choices = [self._choice(shape, name) for name in shape.names()]
        return {"oneOf": [choice for choice in choices if choice]} if any(choices) else {"type": "object"}

    @of.register
    def _(self, shape: StructShape) -> Schema:
        return self._struct(shape, None)

    def _choice(self, shape: ChosenShape, name: str) -> Schema | None:
        try:
            picked = shape.pick(name)
        except PluginError:  # not installed here: an editor cannot help with it
            return None
        return self._struct(picked, _Word(shape.key, name, name != shape.default)) | {"title": name}

    def _struct(self, shape: StructShape, word: "_Word | None") -> Schema:
        identity = (id(shape), word)
        if identity not in self._names:
            name = self._names[identity] = self._free_name(shape.cls.__name__, word.name if word else None)
            self.defs[name] = {}  # taken, before fields that may lead back here
            self.defs[name] = self._object(shape, word)
        return {"$ref": f"#/$defs/{self._names[identity]}"}

    def _free_name(self, name: str, word: str | None) -> str:
        worded = [f"{name}-{word}"] if word else []
        candidates = [name, *worded, *(f"{name}-{n}" for n in range(2, len(self.defs) + 3))]
        return next(candidate for candidate in candidates if candidate not in self.defs)

    def _object(self, shape: StructShape, word: "_Word | None") -> Schema:
        properties = {name: self._property(field) for name, field in shape.fields.items()}
        required = [name for name, field in shape.fields.items() if field.required]
        if word is not None:
            properties = {word.key: {}} | properties | {word.key: {"const": word.name}}  # first, whoever declares it
            required = [word.key, *required] if word.required else required
        elif shape.tag_key:
            properties = {shape.tag_key: {"const": shape.cls.__struct_config__.tag}} | properties
        schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
        return schema | _described(shape.cls) | ({"required": required} if required else {})

    def _property(self, field: Field) -> Schema:
        schema = self.of(field.shape)
        if "$ref" in schema and not field.required:
            return schema
        default = _default(field.info)
        return schema if default is None else {**schema, "default": default}


class _Word(msgspec.Struct, frozen=True):
    """The key whose value chooses a plug-in's struct, and that value; the default one may be left out."""

    key: str
    name: str
    required: bool


def _default(info: Any) -> Any:
    default = info.default
    if default is msgspec.NODEFAULT and info.default_factory in {list, dict}:
        return info.default_factory()
    if isinstance(default, enum.Enum):
        return default.value
    if isinstance(default, bool) or type(default) in {int, float, str}:
        return default
    return str(default) if isinstance(default, float | int) else None


def _described(cls: type) -> Schema:
    document = (cls.__doc__ or "").strip().partition("\n")[0]
    return {"title": cls.__name__} | ({"description": document} if document else {})


def _first_type(schema: Schema) -> str:
    kinds = schema.get("type", "string")
    return kinds if isinstance(kinds, str) else kinds[0]


def _key_schema(schema: Schema) -> Schema:
    """Return what remains of a value's schema for a key, which in JSON is always a string."""
    if "enum" in schema:
        return {"enum": [str(value) for value in schema["enum"]]}
    if schema.get("type") == "integer":
        return {"pattern": "^[-+]?(0|[1-9][0-9]*|0x[0-9a-fA-F]+)$"}
    return {"pattern": schema["pattern"]} if "pattern" in schema else {}
