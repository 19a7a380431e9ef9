"""A service that tells what a parcel costs."""

import platform
import sys

import httptools
import orjson
import pydantic_core
import sqlalchemy
import uvicorn
import uvloop
from fastapi import FastAPI
from fastapi.responses import ORJSONResponse
from pydantic import BaseModel, Field

app = FastAPI(default_response_class=ORJSONResponse)


class Parcel(BaseModel):
    grams: int = Field(gt=0, le=30_000)


class Price(BaseModel):
    cents: int


@app.post("/price")
def price(parcel: Parcel) -> Price:
    return Price(cents=379 + parcel.grams // 100)


def check() -> None:
    """Everything native is there, and works."""
    engine = sqlalchemy.create_engine("sqlite://")
    with engine.connect() as connection:
        three = connection.execute(sqlalchemy.text("select 1 + 2")).scalar_one()
    found = price(Parcel.model_validate_json(b'{"grams": 1200}')).cents
    versions = {m.__name__: m.__version__ for m in (httptools, orjson, pydantic_core, uvloop)}
    name = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    print(name, three, found, orjson.dumps(versions, option=orjson.OPT_SORT_KEYS).decode())


def main() -> None:
    if sys.argv[1:] == ["--check"]:
        check()
    else:
        uvicorn.run(app, host="0.0.0.0", port=8000, loop="uvloop", http="httptools")
