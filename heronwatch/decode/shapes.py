"""Types → shapes: the annotations of the Structs, read once for each load."""

import enum
import types
import typing
from collections import abc
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from heronwatch.decode.bounds import BoundedShape
from heronwatch.decode.containers import DictShape, ListShape, TupleShape, UnionShape
from heronwatch.decode.findings import Shape
from heronwatch.decode.scalars import (
    AnyShape,
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
from heronwatch.decode.structs import ByKey, ChosenShape, Field, StructShape, tagged
from heronwatch.secrets import Secret
from heronwatch.values import AsWritten
from heronwatch.words import noun, with_article

_LISTS: dict[Any, Any] = {list: list, abc.Sequence: list, abc.Collection: list, set: set, frozenset: frozenset}
_DICTS = frozenset({dict, abc.Mapping})


class Shapes:
    """Makes shapes, each Struct's once, so that recursive types end."""

    def __init__(self) -> None:
        self._structs: dict[Any, StructShape] = {}
        self._scalars: dict[Any, Shape] = {
            Any: AnyShape(),
            object: AnyShape(),
            None: NothingShape(),
            type(None): NothingShape(),
            bool: BooleanShape(),
            int: WholeShape(),
            float: NumberShape(),
            str: TextShape(),
            Path: PathShape(),
            Secret: SecretShape(),
        }

    def of(self, annotation: Any) -> Shape:
        """Return the shape of an annotation; raises `TypeError` for one that no text can be decoded into."""
        scalar = self._scalars.get(annotation) if isinstance(annotation, type) or annotation in {None, Any} else None
        if scalar is not None:
            return scalar
        origin, args = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            return self._annotated(args[0], args[1:])
        if origin is Literal:
            return WordShape({_word(value): value for value in args})
        if origin in {Union, types.UnionType}:
            return self._union(args)
        return self._container(origin or annotation, args) or self._class(annotation, origin or annotation)

    def _annotated(self, annotation: Any, marks: tuple[Any, ...]) -> Shape:
        shape = self.of(annotation) if not any(isinstance(m, ByKey) for m in marks) else None
        for mark in marks:
            if isinstance(mark, ByKey):
                shape = self._chosen(mark)
            elif isinstance(mark, AsWritten):
                shape = TextShape(verbatim=True)
            elif isinstance(mark, msgspec.Meta) and shape is not None:
                shape = _with_meta(shape, mark)
        return shape or AnyShape()

    def _chosen(self, mark: ByKey) -> ChosenShape:
        return ChosenShape(
            key=mark.key,
            names=mark.names,
            pick=lambda name: self._struct(mark.type_of(name)),
            default=mark.default,
        )

    def _union(self, args: tuple[Any, ...]) -> Shape:
        members = [self.of(arg) for arg in args if arg is not msgspec.UnsetType]
        structs = [m for m in members if isinstance(m, StructShape)]
        if len(structs) > 1:
            members = [tagged(structs), *(m for m in members if not isinstance(m, StructShape))]
        if len(members) == 1:
            return members[0]
        texts = [m for m in members if isinstance(m, TextShape)]
        return UnionShape((*(m for m in members if m not in texts), *texts))

    def _container(self, origin: Any, args: tuple[Any, ...]) -> Shape | None:
        if origin in _LISTS:
            return ListShape(self.of(args[0] if args else Any), make=_LISTS[origin])
        if origin in _DICTS:
            key, value = args or (str, Any)
            return DictShape(self.of(key), self.of(value))
        if origin is tuple:
            if not args or args[-1] is Ellipsis:
                return ListShape(self.of(args[0] if args else Any), make=tuple)
            return TupleShape(tuple(self.of(arg) for arg in args))
        return None

    def _class(self, annotation: Any, cls: Any) -> Shape:
        if isinstance(cls, typing.NewType):
            return self.of(cls.__supertype__)
        if isinstance(cls, type) and hasattr(cls, "parse"):
            title = getattr(cls, "__schema__", {}).get("title")
            return ParsedShape(cls, with_article(title) if title else noun(cls))
        if isinstance(cls, type) and issubclass(cls, msgspec.Struct):
            return self._struct(annotation)
        if isinstance(cls, type) and issubclass(cls, enum.Enum):
            return WordShape({str(member.value): member for member in cls}, title=noun(cls))
        raise TypeError(f"no text can be decoded into {annotation!r}")

    def _struct(self, cls: Any) -> StructShape:
        if cls not in self._structs:
            shape = self._structs[cls] = StructShape(cls=get_origin(cls) or cls, fields={})
            for info in msgspec.structs.fields(cls):
                shape.fields[info.encode_name] = Field(info.name, self.of(info.type), info.required, info)
        return self._structs[cls]


def _with_meta(shape: Shape, meta: msgspec.Meta) -> Shape:
    if isinstance(shape, WordShape):
        return WordShape(shape.words, title=with_article(meta.title) if meta.title else shape.title)
    return BoundedShape(shape, meta)


def _word(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)
