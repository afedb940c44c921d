using Platter.FileSystems;

namespace Platter.Fuzz.Targets;

/// <summary>A short random edit script over whatever a volume holds, sound or not.</summary>
internal static class VolumeEditing
{
    private const int MostKnown = 60, MostPerDirectory = 40;

    private static readonly string[] Names =
    [
        "a", "new.txt", "A long name with spaces.text", "grüße", "😀", "NEW.TXT", "..", "", "a/b", "x", "con", "trailing.", "ab cd.efg", "f00001", new string('n', 255), new string('m', 256), "Ω", "a+b",
    ];

    private readonly record struct Known(NodeId Parent, string Name, NodeId Id, EntryKind Kind);

    /// <param name="volume">The volume.</param>
    /// <param name="canRollback">Whether the device below can go back.</param>
    /// <param name="dice">What comes next.</param>
    public static void Script(EditableVolume volume, bool canRollback, Dice dice)
    {
        // A stream that stays open while the rest goes on.
        VolumeStream? held = null;
        var known = Survey(volume);
        for (var left = dice.Between(1, 12); left > 0; left--)
        {
            try
            {
                if (canRollback && dice.OneIn(20))
                {
                    volume.Rollback();
                    held = null;
                    known = Survey(volume);
                }
                else if (dice.OneIn(5))
                {
                    held ??= volume.OpenWrite(dice.Pick(known).Id, StreamName.Data);
                    held.WriteAt(dice.Next(50_000), new byte[dice.Next(3000)]);
                    if (dice.OneIn(3))
                        held.SetLength(dice.Next(60_000));
                }
                else
                {
                    Edit(volume, known, dice);
                }
            }
            catch (Exception e) when (FuzzTarget.IsLawful(e))
            {
                dice.Trace?.Invoke($"  refused: {e.GetType().Name}: {e.Message}");
            }
        }
        held?.Dispose();
        // A hostile volume may make even this impossible; the caller looks at what is left.
        volume.Commit();
    }

    private static List<Known> Survey(EditableVolume volume)
    {
        var known = new List<Known> { new(volume.RootId, "", volume.RootId, EntryKind.Directory) };
        for (var i = 0; i < known.Count && known.Count < MostKnown; i++)
        {
            var directory = known[i];
            if (directory.Kind != EntryKind.Directory)
                continue;
            VolumeReading.Call(() =>
            {
                foreach (var entry in volume.Enumerate(directory.Id).Take(MostPerDirectory))
                    known.Add(new Known(directory.Id, entry.Name, entry.Id, entry.Kind));
            });
        }
        return known;
    }

    private static void Edit(EditableVolume volume, List<Known> known, Dice dice)
    {
        var some = dice.Pick(known);
        var parent = dice.Pick(known);
        for (var tries = 0; tries < 6 && parent.Kind != EntryKind.Directory; tries++)
            parent = dice.Pick(known);
        var name = dice.OneIn(3) ? dice.Pick(known).Name : dice.Pick(Names);
        var what = dice.Next(16);
        dice.Trace?.Invoke($"edit {what}: {some}, {parent.Id} '{parent.Name}', '{name}'");
        switch (what)
        {
            case 0 or 1:
                known.Add(new Known(parent.Id, name, volume.CreateFile(parent.Id, name, MetadataChange.None), EntryKind.File));
                break;
            case 2:
                known.Add(new Known(parent.Id, name, volume.CreateDirectory(parent.Id, name, MetadataChange.None), EntryKind.Directory));
                break;
            case 3:
                var content = new byte[dice.Next(20_000)];
                known.Add(new Known(parent.Id, name, volume.CreateFile(parent.Id, name, new MemoryStream(content), dice.OneIn(2) ? content.Length : null, MetadataChange.None), EntryKind.File));
                break;
            case 4:
                // Many entries, so that a directory has to grow.
                for (var i = dice.Between(1, 40); i > 0; i--)
                    volume.CreateFile(parent.Id, $"one of many with a long name {i}", MetadataChange.None);
                break;
            case 5 or 6:
                volume.Delete(some.Parent, some.Name);
                break;
            case 7:
                // The whole root takes too long on a hostile volume for a case; a part of it shows the same.
                if (some.Id != volume.RootId)
                    volume.DeleteRecursively(some.Parent, some.Name);
                break;
            case 8 or 9:
                Rename(() => volume.Rename(some.Parent, some.Name, parent.Id, name, replace: dice.OneIn(2)));
                break;
            case 10 or 11 or 12:
                Write(volume, some.Id, dice);
                break;
            case 13:
                volume.SetMetadata(some.Id, new MetadataChange { Modified = new Timestamp(dice.NextLong(8_000_000_000) - 4_000_000_000), DosAttributes = (DosAttributes)dice.Next(64) });
                break;
            case 14:
                volume.SetLabel(dice.Pick<string>(["", "LABEL", "a long label that doesn't fit", "ü", "NO NAME"]));
                break;
            default:
                volume.Commit();
                break;
        }
    }

    private static void Rename(Action call)
    {
        try
        {
            call();
        }
        catch (ArgumentException e) when (e.GetType() == typeof(ArgumentException))
        {
            // A directory can't go into itself, says the contract.
        }
    }

    private static void Write(EditableVolume volume, NodeId id, Dice dice)
    {
        using var stream = volume.OpenWrite(id, StreamName.Data);
        for (var left = dice.Between(1, 3); left > 0; left--)
        {
            switch (dice.Next(5))
            {
                case 0:
                    VolumeReading.Call(() => stream.SetLength(dice.OneIn(8) ? (long)dice.Odd((ulong)stream.Length, 4) : dice.Next(100_000)));
                    break;
                case 1:
                    VolumeReading.Call(() => stream.Reserve(dice.OneIn(4) ? (long)dice.Odd(0, 4) : dice.Next(100_000)));
                    break;
                case 2:
                    VolumeReading.Call(() => stream.WriteAt(dice.OneIn(8) ? (long)dice.Odd((ulong)stream.Length, 4) : dice.Next(100_000), new byte[dice.Next(5000)]));
                    break;
                default:
                    VolumeReading.Call(() => stream.WriteAt(dice.NextLong(Math.Min(stream.Length, 200_000)), new byte[dice.Next(5000)]));
                    break;
            }
        }
    }
}
