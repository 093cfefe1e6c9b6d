"""The prototype that Holdfast began from, rebuilt from its documents as the denominator of the benchmark.

FastAPI, one process, a dict and one threading.Lock for all SKUs, a fixed lifetime of 10 s. Its stock is
large here, so that a benchmark measures grants; everything else is as its documents tell, faults included:
a lapsed unit comes back only when somebody tries to confirm it.
"""
import threading
import time
import uuid

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

RESERVATION_SECONDS = 10

app = FastAPI()
lock = threading.Lock()
stock = {"SKU-001": 1_000_000_000, "SKU-002": 0}
reservations = {}


class ConfirmRequest(BaseModel):
    reservation_id: str


@app.get("/stock/{sku}")
def get_stock(sku: str):
    if sku not in stock:
        raise HTTPException(status_code=404, detail="SKU not found")
    return {"sku": sku, "quantity": stock[sku]}


@app.post("/stock/{sku}/reserve")
def reserve(sku: str):
    with lock:
        if sku not in stock:
            raise HTTPException(status_code=404, detail="SKU not found")
        if stock[sku] < 1:
            raise HTTPException(status_code=409, detail="Sold out")
        stock[sku] -= 1
        reservation_id = str(uuid.uuid4())
        expires_at = time.time() + RESERVATION_SECONDS
        reservations[reservation_id] = {"sku": sku, "expires_at": expires_at}
        return {"reservation_id": reservation_id, "sku": sku, "expires_at": expires_at}


@app.post("/stock/confirm")
def confirm(request: ConfirmRequest):
    with lock:
        reservation = reservations.pop(request.reservation_id, None)
        if reservation is None:
            raise HTTPException(status_code=404, detail="Reservation not found")
        if time.time() > reservation["expires_at"]:
            stock[reservation["sku"]] += 1
            raise HTTPException(status_code=410, detail="Reservation expired")
        return {"status": "SUCCESS", "message": "Purchase confirmed"}
