"""Saved cards: which token of the vault belongs to which user."""

from __future__ import annotations

from haat.contracts.payments import SavedCard
from haat.contracts.vault import Card
from haat.kit.database import Database
from haat.kit.ids import new_id
from haat.services.payments.model import PaymentState
from haat.services.payments.sql import queries


class CardStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def token_of_same(self, user_id: str | None, card: Card) -> str | None:
        """Under which token the user has saved this card already."""
        async with self._database.connection() as connection:
            token: str | None = await queries.token_of_same_card(
                connection, user_id=user_id, fingerprint=card.fingerprint
            )
        return token

    async def keep(self, payment: PaymentState, card: Card, replaces: str | None) -> bool:
        """Put the card among the user's; False when it was saved meanwhile under another token than `replaces`."""
        async with self._database.connection() as connection:
            kept: str | None = await queries.keep_card(
                connection,
                payment_id=payment.payment_id,
                card_id=new_id("pm"),
                user_id=payment.user_id,
                token=card.token,
                fingerprint=card.fingerprint,
                brand=card.brand,
                last4=card.last4,
                exp_month=card.exp_month,
                exp_year=card.exp_year,
                replaces=replaces,
            )
        return kept is not None

    async def give_up(self, payment: PaymentState) -> None:
        async with self._database.connection() as connection:
            await queries.give_up_keeping(connection, payment_id=payment.payment_id)

    async def of_user(self, user_id: str, before: str | None, count: int) -> list[SavedCard]:
        """A user's cards, newest first, from `before` on."""
        async with self._database.connection() as connection:
            return [
                SavedCard(
                    id=row["card_id"],
                    token=row["token"],
                    brand=row["brand"],
                    last4=row["last4"],
                    exp_month=row["exp_month"],
                    exp_year=row["exp_year"],
                    created_at=row["created_at"],
                )
                async for row in queries.saved_cards(connection, user_id=user_id, before=before, count=count)
            ]

    async def token_of(self, user_id: str, card_id: str) -> str | None:
        """The token of a user's card."""
        async with self._database.connection() as connection:
            token: str | None = await queries.saved_card(connection, user_id=user_id, card_id=card_id)
        return token

    async def forget(self, user_id: str, card_id: str) -> None:
        async with self._database.connection() as connection:
            await queries.forget_card(connection, user_id=user_id, card_id=card_id)
