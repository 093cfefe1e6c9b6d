/** What the commands need from the rest of the program; `main.ts`, which knows everything, provides it. */
import type { AuditReport } from '../core/audit.ts';
import type { LedgerEntry } from '../core/ledger.ts';
import type { Reservation } from '../core/reservation.ts';
import type { StockLevel } from '../core/stock-level.ts';
import type { ApiKeyStore, NewApiKey, Scope } from '../engine/api-keys.ts';
import type { BooksHead, BooksRecord, BooksSource } from '../engine/books-file/whole-books.ts';
import type { CliIo } from './terminal.ts';

/** Settings as the command line gives them, by the names they have in the environment. */
export type Overrides = Readonly<Record<string, string>>;

export interface SettingLine {
  readonly name: string;
  readonly value: string;
  readonly source: string;
  readonly expected: string;
}

/** The settings in effect. Reading them throws `CliFailure` (78) if any is wrong. */
export interface SettingsView {
  readonly lines: readonly SettingLine[];
  readonly warnings: readonly string[];
  readonly dataDir: string;
  readonly clientKey: string | null;
  /** Where a service with these settings is reached from this machine. */
  readonly serviceUrl: string;
}

export interface RunningService {
  readonly url: string;
  readonly store: string;
  readonly durable: boolean;
  /** Where its books are, for people. */
  readonly place: string;
  readonly skus: number;
  /** A SKU that is there, to try things out with; null in an empty store. */
  readonly someSku: string | null;
  /** Are API keys in force? */
  readonly keys: boolean;
  /** The file that the log goes to; null for stdout. */
  readonly logFile: string | null;
  /** `trouble`: what its first check found, for people; null if it works. Settles once the ERP has been asked. */
  readonly erp: { readonly name: string; readonly trouble: Promise<string | null> } | null;
  /** What the operator should know at the start. */
  readonly notes: readonly string[];
  /** Fulfilled with the reason if the service can no longer serve. */
  readonly failed: Promise<Error>;
  /** Stops accepting, answers what is in flight, closes the store, and puts out the log. */
  stop(): Promise<void>;
}

/** The books as of one moment. To be closed soon: the log of a service that writes them grows meanwhile. */
export interface BooksReader {
  levels(): AsyncIterable<StockLevel>;
  reservations(): AsyncIterable<Reservation>;
  /** Entries with a higher `seq` than `after`, of those that have not been trimmed. */
  ledger(after?: number): AsyncIterable<LedgerEntry>;
  close(): void;
}

/** The books, wherever they are, also while a service runs on them. */
export interface Books {
  /** Where they are, for people. */
  readonly place: string;
  audit(): Promise<AuditReport>;
  read(): BooksReader;
  /** All of the books, to be moved. Throws `Fault` where somebody writes them meanwhile. */
  whole(): Promise<BooksSource>;
  /** Puts whole books, proven sound, where there are none, all or nothing; returns their audit. */
  take(head: BooksHead, records: AsyncIterable<BooksRecord>): Promise<AuditReport>;
}

/** A data folder, also while a service runs on it. */
export interface DataFolder extends Books {
  hasBooks(): boolean;
  /** Copies the books to a new file and verifies the copy. `onProgress`: pages of the books. */
  backup(file: string, onProgress: (done: number, total: number) => void): Promise<void>;
  /**
   * Puts a copy in place of the books, with no service running. Books that are there are replaced only if `replace`
   * says so, and then moved to the folder that is returned.
   */
  restore(file: string, replace: boolean): string | null;
}

export interface KeyFile {
  readonly path: string;
  readonly store: ApiKeyStore;
  make(name: string, scopes: readonly Scope[]): NewApiKey;
}

/** What a person does with the connection to an ERP. Throws `ErpFault`. */
export interface ErpDesk {
  /** Where a person says yes. `state` comes back with the code. */
  authorizeUrl(state: string): string;
  /** Spends the code, and keeps what the ERP gives for it. */
  connect(code: string): Promise<void>;
  /** How things are, secrets left out; `ask`: also of the ERP itself. */
  facts(
    ask: boolean,
  ): Promise<readonly { readonly name: string; readonly value: string; readonly fine: boolean }[]>;
  close(): Promise<void>;
}

export interface CliParts {
  readonly io: CliIo;
  readonly version: string;
  /** The command line wins over the environment, which wins over `.env`. */
  settings(overrides?: Overrides): SettingsView;
  /** Throws `CliFailure` with a line for people where the service cannot start. */
  startService(overrides: Overrides): Promise<RunningService>;
  /** Without a folder: those that the settings name. */
  openBooks(dataDir: string | undefined): Books;
  openDataFolder(dataDir: string): DataFolder;
  openKeyFile(dataDir: string): Promise<KeyFile>;
  /** Throws `CliFailure` (78) where nothing was said about Bling. */
  openBling(overrides: Overrides): ErpDesk;
}
