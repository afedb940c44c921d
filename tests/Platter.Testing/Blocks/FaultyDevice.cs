using Platter.Blocks;

namespace Platter.Testing.Blocks;

/// <summary>Passes everything on, and fails on demand.</summary>
public sealed class FaultyDevice(BlockDevice inner) : ForwardingDevice(inner)
{
    /// <summary>Called before each operation; may throw what the medium shall throw.</summary>
    public Action<FaultyOperation, long, long> Before { get; set; } = (_, _, _) => { };

    /// <summary>How many operations of each kind there have been.</summary>
    public Dictionary<FaultyOperation, int> Counts { get; } = [];

    /// <summary>Lets the operation with this number (counted from 0, from now on) fail, and all others pass.</summary>
    public void FailAt(FaultyOperation operation, int number, bool andAllFollowing = false)
    {
        var count = 0;
        Before = (what, offset, _) =>
        {
            if (what == operation && (count++ == number || (andAllFollowing && count > number)))
                throw new IOException($"the medium failed on {operation} at {offset}", 5);
        };
    }

    public override void Flush()
    {
        Note(FaultyOperation.Flush, 0, 0);
        base.Flush();
    }

    protected override void ReadCore(long offset, Span<byte> buffer)
    {
        Note(FaultyOperation.Read, offset, buffer.Length);
        base.ReadCore(offset, buffer);
    }

    protected override void WriteCore(long offset, ReadOnlySpan<byte> data)
    {
        Note(FaultyOperation.Write, offset, data.Length);
        base.WriteCore(offset, data);
    }

    protected override void WriteFreshCore(long offset, ReadOnlySpan<byte> data)
    {
        Note(FaultyOperation.Write, offset, data.Length);
        base.WriteFreshCore(offset, data);
    }

    protected override void WriteZerosCore(long offset, long length)
    {
        Note(FaultyOperation.Write, offset, length);
        base.WriteZerosCore(offset, length);
    }

    protected override void SetLengthCore(long length)
    {
        Note(FaultyOperation.SetLength, length, 0);
        base.SetLengthCore(length);
    }

    private void Note(FaultyOperation operation, long offset, long length)
    {
        lock (Counts)
        {
            Counts[operation] = Counts.GetValueOrDefault(operation) + 1;
        }
        Before(operation, offset, length);
    }
}

/// <summary>What can fail.</summary>
public enum FaultyOperation { Read, Write, Flush, SetLength }
