"""`usage-pipeline init`: a look at a person's files, a mapping guessed from them, and what was not sure said."""
