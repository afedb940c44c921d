using Platter.Blocks;
using Platter.FileSystems;
using Platter.Testing.Blocks;
using Xunit;

namespace Platter.Testing.Volumes;

/// <summary>Edits during which the medium fails once, or for as long as one of them takes: afterwards the volume is sound, as it is committed or taken back, and
/// goes on working.</summary>
/// <remarks>Every operation of each kind is made to fail, one after the other, until an edit ends before it is reached.</remarks>
public sealed class VolumeFaults
{
    public required FileSystemType Type { get; init; }

    /// <summary>How volumes are opened.</summary>
    public VolumeOptions Options { get; init; } = VolumeOptions.Default;

    /// <summary>Only one in so many operations is made to fail.</summary>
    public int Every { get; init; } = 1;

    /// <summary>What was tried.</summary>
    public readonly record struct Outcome(int Edits, int Faults)
    {
        public static Outcome operator +(Outcome a, Outcome b) => new(a.Edits + b.Edits, a.Faults + b.Faults);
    }

    /// <summary>Makes an edit with every fault there can be.</summary>
    /// <param name="ground">The volume that it starts from.</param>
    /// <param name="edit">What is done; may be several edits, and commits.</param>
    public Outcome Run(ScratchDevice ground, Action<EditableVolume> edit)
    {
        var faults = 0;
        foreach (var operation in (FaultyOperation[])[FaultyOperation.Read, FaultyOperation.Write, FaultyOperation.Flush])
        {
            for (var number = 0; Try(ground, operation, number, isLasting: false, edit); number += Every)
                faults++;
            for (var number = 0; Try(ground, operation, number, isLasting: true, edit); number += Every)
                faults++;
        }
        return new Outcome(1, faults);
    }

    // False when the fault was not reached.
    private bool Try(ScratchDevice ground, FaultyOperation operation, int number, bool isLasting, Action<EditableVolume> edit)
    {
        var place = $"{operation} {number}{(isLasting ? " and all that follow" : "")}";
        var device = ground.Copy();
        var faulty = new FaultyDevice(device);
        var (reached, hasCommitted) = (false, false);
        using (var volume = Type.OpenForEditing(faulty, Options))
        {
            faulty.FailAt(operation, number, isLasting);
            var fail = faulty.Before;
            faulty.Before = (what, offset, length) =>
            {
                try
                {
                    fail(what, offset, length);
                    hasCommitted |= what == FaultyOperation.Flush;
                }
                catch (IOException)
                {
                    reached = true;
                    throw;
                }
            };
            try
            {
                edit(volume);
                volume.Commit();
            }
            catch (IOException)
            {
                // What was done until then stays, or goes.
            }
            faulty.Before = (_, _, _) => { };
            if (reached && number / Every % 2 == 0)
            {
                volume.Rollback();
                Sound(device, place + ", taken back");
            }
            if (reached && number / Every % 2 == 0 && !hasCommitted)
            {
                edit(volume);
                volume.Commit();
            }
            else
            {
                // The volume goes on: what comes next must stand on what is really there.
                volume.CreateDirectory(volume.RootId, "afterwards", MetadataChange.None);
                volume.CreateFile(volume.Find("/afterwards").Id, "one", new MemoryStream(ConformanceCase.Bytes(20_000)), null, MetadataChange.None);
                for (var i = 0; i < 40; i++)
                    volume.CreateFile(volume.Find("/afterwards").Id, $"further {i}", MetadataChange.None);
                volume.Commit();
            }
        }
        Sound(device, place);
        return reached;
    }

    private void Sound(ScratchDevice device, string place)
    {
        var report = Type.Check(device, CheckOptions.Default);
        Assert.True(report.IsClean, $"{place}:\n{string.Join('\n', report.Findings.Take(20))}");
    }
}
