"""Templates get one typed structure in place of seven columns, and a history of versions."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import vms.models.template


def columns_to_blueprints(apps, schema_editor):
    """Write what stood in the columns as blueprints, and each template as its first version."""
    Template = apps.get_model("vms", "Template")
    Version = apps.get_model("vms", "TemplateVersion")
    for row in Template.objects.select_related("created_by"):
        row.blueprint = {
            "schema": 1,
            "source": "image",
            "vcpus": row.vcpus,
            "memory_mib": row.memory_mib,
            "disks": [{"origin": "linked", "size_bytes": row.disk_bytes}],
            "nics": [{"network": row.network_name}] if row.network_name else [],
            "cloud": {"is_read": row.has_cloud_init, "user": row.default_user},
        }
        row.save(update_fields=["blueprint"])
        names = ("name", "description", "os_name", "icon", "pool_name", "volume_name", "blueprint")
        Version.objects.create(
            template=row,
            number=1,
            author=row.created_by,
            author_name=row.created_by.username if row.created_by else "",
            content={name: getattr(row, name) for name in names},
        )


class Migration(migrations.Migration):

    dependencies = [
        ("vms", "0010_consoles_seats"),
    ]

    operations = [
        migrations.AddField(
            model_name="template",
            name="blueprint",
            field=models.JSONField(default=vms.models.template.first_blueprint),
        ),
        migrations.AddField(
            model_name="template",
            name="number",
            field=models.PositiveIntegerField(default=1),
        ),
        migrations.AddField(
            model_name="vm",
            name="template_number",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name="template",
            name="pool_name",
            field=models.CharField(blank=True, max_length=255),
        ),
        migrations.AlterField(
            model_name="template",
            name="volume_name",
            field=models.CharField(blank=True, max_length=255),
        ),
        migrations.CreateModel(
            name="TemplateVersion",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("number", models.PositiveIntegerField()),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("author_name", models.CharField(blank=True, max_length=150)),
                ("content", models.JSONField(default=dict)),
                (
                    "author",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "template",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="versions",
                        to="vms.template",
                    ),
                ),
            ],
            options={
                "ordering": ["-number"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("template", "number"), name="template_version_once_per_number"
                    )
                ],
            },
        ),
        migrations.RunPython(columns_to_blueprints, migrations.RunPython.noop),
    ]
