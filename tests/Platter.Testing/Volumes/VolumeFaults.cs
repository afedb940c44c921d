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

    /// <summary>A foreign checker; one in so many volumes goes through it.</summary>
    public Func<ScratchDevice, string?> Judge { get; init; } = _ => null;

    /// <inheritdoc cref="Judge"/>
    public int JudgeEvery { get; init; } = 13;

    /// <summary>What was looked at since this was made.</summary>
    private int _looks;

    // The trees before and after the edit; null where they are not compared.
    private string? _before, _after;

    // Whether an edit that failed in a call of its own leaves the tree that was before.
    private bool _isOneCall;

    /// <summary>What was tried.</summary>
    /// <param name="Edits">Edits.</param>
    /// <param name="Faults">Faults that they met.</param>
    /// <param name="Refused">Faults after which the volume had to be rolled back before it went on.</param>
    public readonly record struct Outcome(int Edits, int Faults, int Refused)
    {
        public static Outcome operator +(Outcome a, Outcome b) => new(a.Edits + b.Edits, a.Faults + b.Faults, a.Refused + b.Refused);
    }

    /// <summary>Makes each edit of a list that leaves room, and compares the trees with what the calls that returned promise.</summary>
    /// <param name="ground">The volume that they start from.</param>
    /// <param name="edits">The edits.</param>
    /// <param name="severalCalls">Those that consist of several calls.</param>
    public Outcome RunAll(ScratchDevice ground, IEnumerable<VolumePowerCuts.Edit> edits, params string[] severalCalls)
    {
        var outcome = default(Outcome);
        foreach (var edit in edits.Where(e => !e.Full))
        {
            try
            {
                var copy = ground.Copy();
                _before = Tree(copy);
                using (var volume = Type.OpenForEditing(copy, Options))
                {
                    edit.Run(volume);
                    volume.Commit();
                }
                _after = Tree(copy);
                _isOneCall = !severalCalls.Contains(edit.Verb);
                outcome += Run(ground, edit.Run);
            }
            catch (Exception e)
            {
                Assert.Fail($"{edit.Verb}: {e}");
            }
            finally
            {
                _before = _after = null;
            }
        }
        return outcome;
    }

    /// <summary>Makes an edit with every fault there can be.</summary>
    /// <param name="ground">The volume that it starts from.</param>
    /// <param name="edit">What is done; may be several edits, and commits.</param>
    public Outcome Run(ScratchDevice ground, Action<EditableVolume> edit)
    {
        var (faults, refused) = (0, 0);
        foreach (var operation in (FaultyOperation[])[FaultyOperation.Read, FaultyOperation.Write, FaultyOperation.Flush])
        {
            for (var number = 0; Try(ground, operation, number, isLasting: false, edit, ref refused); number += Every)
                faults++;
            for (var number = 0; Try(ground, operation, number, isLasting: true, edit, ref refused); number += Every)
                faults++;
        }
        return new Outcome(1, faults, refused);
    }

    // False when the fault was not reached.
    private bool Try(ScratchDevice ground, FaultyOperation operation, int number, bool isLasting, Action<EditableVolume> edit, ref int refused)
    {
        var place = $"{operation} {number}{(isLasting ? " and all that follow" : "")}";
        var device = ground.Copy();
        var faulty = new FaultyDevice(device);
        var (reached, hasCommitted, isEdited, isBack) = (false, false, false, false);
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
                isEdited = true;
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
                isBack = true;
                Sound(device, place + ", taken back");
                if (!hasCommitted)
                    Same(_before, device, place + ", taken back");
            }
            if (reached && number / Every % 2 == 0 && !hasCommitted)
            {
                edit(volume);
                volume.Commit();
                (isEdited, isBack) = (true, false);
            }
            else
            {
                if (reached && !GoesOn(volume))
                {
                    volume.Rollback();
                    isBack = true;
                    refused++;
                }
                // The volume goes on: what comes next must stand on what is really there.
                volume.CreateDirectory(volume.RootId, "afterwards", MetadataChange.None);
                volume.CreateFile(volume.Find("/afterwards").Id, "one", new MemoryStream(ConformanceCase.Bytes(20_000)), null, MetadataChange.None);
                for (var i = 0; i < 40; i++)
                    volume.CreateFile(volume.Find("/afterwards").Id, $"further {i}", MetadataChange.None);
                volume.Commit();
            }
        }
        Sound(device, place);
        if (isBack && !hasCommitted)
            Same(_before, device, place);
        else if (!isBack && isEdited)
            Same(_after, device, place);
        else if (_isOneCall && !hasCommitted)
            Same(_before, device, place);
        return reached;
    }

    // Where an edit could not be undone, everything is refused, in the same words, until the volume goes back.
    private static bool GoesOn(EditableVolume volume)
    {
        try
        {
            volume.TryLookup(volume.RootId, "afterwards", out _);
            return true;
        }
        catch (IOException e) when (e.Message.Contains("could not be undone", StringComparison.Ordinal))
        {
            Assert.Equal(e.Message, Assert.Throws<IOException>(volume.Commit).Message);
            Assert.Equal(e.Message, Assert.Throws<IOException>(() => volume.CreateDirectory(volume.RootId, "afterwards", MetadataChange.None)).Message);
            return false;
        }
    }

    // Without what the volume went on with.
    private string Tree(ScratchDevice device) =>
        string.Join('\n', VolumeOutline.Of(device, Type).Split('\n').Where(l => !l.StartsWith("/afterwards", StringComparison.Ordinal)));

    private void Same(string? expected, ScratchDevice device, string place)
    {
        if (expected is not null)
            Assert.Equal(place + ":\n" + expected, place + ":\n" + Tree(device));
    }

    private void Sound(ScratchDevice device, string place)
    {
        var report = Type.Check(device, CheckOptions.Default);
        Assert.True(report.IsClean, $"{place}:\n{string.Join('\n', report.Findings.Take(20))}");
        if (++_looks % JudgeEvery == 0)
            Assert.Null(Judge(device));
    }
}
