"""Jobs about anything, not only guests, and how many bytes they have moved."""

from django.db import migrations, models
from django.db.models import F


def name_targets(apps, schema_editor):
    """Until now every job was about its guest."""
    apps.get_model("vms", "Job").objects.update(target_id=F("vm_uuid"))


class Migration(migrations.Migration):
    dependencies = [("vms", "0006_ssh_keys")]

    operations = [
        migrations.AddField("job", "bytes_done", models.BigIntegerField(default=0)),
        migrations.AddField("job", "bytes_total", models.BigIntegerField(default=0)),
        migrations.AddField("job", "target_id", models.UUIDField(blank=True, null=True)),
        migrations.AddField("job", "target_kind", models.CharField(default="vm", max_length=20)),
        migrations.AlterField("job", "kind", models.CharField(max_length=40)),
        migrations.RunPython(name_targets, migrations.RunPython.noop),
        migrations.AddConstraint(
            "job",
            models.UniqueConstraint(
                fields=["target_kind", "target_id"],
                condition=models.Q(state__in=["queued", "running"]),
                name="job_one_at_a_time_per_target",
            ),
        ),
    ]
