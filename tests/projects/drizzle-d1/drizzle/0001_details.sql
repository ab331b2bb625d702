ALTER TABLE `authors` ADD `tags` text DEFAULT '[]' NOT NULL;--> statement-breakpoint
ALTER TABLE `books` ADD `price` real DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `books` ADD `is_sold` integer DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE `books` ADD `published` integer;